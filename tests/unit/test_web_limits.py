"""The allowance of a client, and the memory it takes."""

from hitl_mail.adapters.web.limits import Allowance


def test_a_burst_is_granted_and_then_a_rate() -> None:
    allowance = Allowance(rate=2.0, burst=2)
    assert [allowance.take("192.0.2.1", at) for at in (0.0, 0.0, 0.0, 0.5, 0.5)] == [
        0.0,
        0.0,
        0.5,
        0.0,
        0.5,
    ]


def test_clients_do_not_use_up_each_others_allowance() -> None:
    allowance = Allowance(rate=1.0, burst=1)
    allowance.take("192.0.2.1", 0.0)
    assert allowance.take("192.0.2.2", 0.0) == 0.0


def test_the_addresses_of_one_ipv6_network_are_one_client() -> None:
    allowance = Allowance(rate=1.0, burst=1)
    allowance.take("2001:db8::1", 0.0)
    assert allowance.take("2001:db8::ffff:2", 0.0) == 1.0


def test_a_clock_that_steps_back_takes_nothing_away() -> None:
    allowance = Allowance(rate=1.0, burst=2)
    allowance.take("192.0.2.1", 100.0)
    assert allowance.take("192.0.2.1", 0.0) == 0.0


def test_only_so_many_clients_are_remembered() -> None:
    allowance = Allowance(rate=1.0, burst=1, clients=10)
    for number in range(100):
        allowance.take(f"192.0.2.{number}", 0.0)
    assert len(allowance) == 10


def test_the_client_seen_last_is_remembered_longest() -> None:
    allowance = Allowance(rate=1.0, burst=1, clients=2)
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3"):
        allowance.take(address, 0.0)
    assert allowance.take("192.0.2.1", 0.0) == 1.0
