"""The Maildir transport: names, modes, and all that may lie in a directory that is no mail."""

import asyncio
import itertools
import os
import stat
import time
from pathlib import Path

import pytest

from hitl_mail.adapters.maildir import MAX_LETTER, MaildirInbox, MaildirOutbox, file_name
from hitl_mail.ports import Letter

MAIL = b"Subject: hello\r\n\r\napprove\r\n"
FROM, TO = "approvals@example.test", "reviewer@example.test"


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def drop(home: Path, name: str = "letter", message: bytes = MAIL) -> Path:
    path = home / "new" / name
    path.write_bytes(message)
    return path


class Reader:
    def __init__(self) -> None:
        self.places: list[str] = []

    async def __call__(self, letter: Letter) -> None:
        self.places.append(letter.place)


class TestOutbox:
    async def send(self, home: Path, name: str = "m1", message: bytes = MAIL) -> None:
        await MaildirOutbox(home).send(FROM, [TO], message, name)

    async def test_its_directories_are_for_their_owner_only(self, tmp_path: Path) -> None:
        MaildirOutbox(tmp_path / "out")
        modes = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()
        }
        assert modes == {"tmp": 0o700, "new": 0o700, "cur": 0o700}

    async def test_a_mail_is_for_its_owner_only(self, tmp_path: Path) -> None:
        await self.send(tmp_path)
        assert stat.S_IMODE((tmp_path / "new" / "m1").stat().st_mode) == 0o600

    async def test_the_same_name_again_leaves_one_file(self, tmp_path: Path) -> None:
        await self.send(tmp_path)
        await self.send(tmp_path)
        assert (files(tmp_path / "new"), files(tmp_path / "tmp")) == (["m1"], [])

    @pytest.mark.parametrize("read_as", ["m1", "m1:2,", "m1:2,RS"])
    async def test_a_mail_that_a_reader_took_over_is_not_made_again(
        self, tmp_path: Path, read_as: str
    ) -> None:
        await self.send(tmp_path)
        (tmp_path / "new" / "m1").rename(tmp_path / "cur" / read_as)
        await self.send(tmp_path)
        assert (files(tmp_path / "new"), files(tmp_path / "cur")) == ([], [read_as])

    async def test_a_name_that_begins_like_a_read_one_is_another_mail(self, tmp_path: Path) -> None:
        await self.send(tmp_path, "m1")
        (tmp_path / "new" / "m1").rename(tmp_path / "cur" / "m1:2,S")
        await self.send(tmp_path, "m")
        await self.send(tmp_path, "m11")
        assert files(tmp_path / "new") == ["m", "m11"]

    async def test_what_a_killed_writer_left_is_written_over(self, tmp_path: Path) -> None:
        outbox = MaildirOutbox(tmp_path)
        (tmp_path / "tmp" / "m1").write_bytes(MAIL * 2)
        await outbox.send(FROM, [TO], MAIL, "m1")
        assert (tmp_path / "new" / "m1").read_bytes() == MAIL

    async def test_a_link_in_tmp_is_not_followed(self, tmp_path: Path) -> None:
        outbox = MaildirOutbox(tmp_path / "out")
        precious = tmp_path / "precious"
        precious.write_text("mine")
        (tmp_path / "out" / "tmp" / "m1").symlink_to(precious)
        with pytest.raises(Exception, match="cannot write a mail"):
            await outbox.send(FROM, [TO], MAIL, "m1")
        assert precious.read_text() == "mine"

    async def test_a_directory_that_was_removed_is_made_again(self, tmp_path: Path) -> None:
        outbox = MaildirOutbox(tmp_path)
        for part in ("tmp", "new", "cur"):
            (tmp_path / part).rmdir()
        await outbox.send(FROM, [TO], MAIL, "m1")
        assert files(tmp_path / "new") == ["m1"]

    async def test_many_at_once_are_all_there(self, tmp_path: Path) -> None:
        outbox = MaildirOutbox(tmp_path)
        names = [f"m{number:02}" for number in range(40)]
        await asyncio.gather(*(outbox.send(FROM, [TO], MAIL, name) for name in names))
        assert files(tmp_path / "new") == names


class TestFileName:
    @pytest.mark.parametrize("name", ["m1", "261122-k3f9ma.1.ada", "a@example.test"])
    def test_a_plain_name_is_kept(self, name: str) -> None:
        assert file_name(name) == name

    @pytest.mark.parametrize(
        "name", ["", ".", "..", ".hidden", "../up", "a/b", "a:2,S", "a b", "é", "x" * 200]
    )
    def test_any_other_becomes_one_that_a_maildir_holds(self, name: str) -> None:
        made = file_name(name)
        assert file_name(made) == made
        assert len(made) <= 128

    def test_names_that_look_alike_stay_apart(self) -> None:
        names = ["a/b", "a:b", "a b", "a_b", "x" * 200, "x" * 201]
        pairs = itertools.combinations([file_name(name) for name in names], 2)
        assert all(one != other for one, other in pairs)


class TestInbox:
    async def test_the_oldest_comes_first(self, tmp_path: Path) -> None:
        inbox, reader = MaildirInbox(tmp_path), Reader()
        for name, age in (("c", 30), ("a", 10), ("b", 20)):
            os.utime(drop(tmp_path, name), (1_000_000 - age, 1_000_000 - age))
        await inbox.poll(reader)
        assert reader.places == ["c", "b", "a"]

    async def test_a_handled_letter_is_marked_as_seen(self, tmp_path: Path) -> None:
        inbox = MaildirInbox(tmp_path)
        drop(tmp_path)
        await inbox.poll(Reader())
        assert files(tmp_path / "cur") == ["letter:2,S"]

    async def test_what_is_in_cur_is_not_offered(self, tmp_path: Path) -> None:
        inbox, reader = MaildirInbox(tmp_path), Reader()
        (tmp_path / "cur" / "letter:2,").write_bytes(MAIL)
        await inbox.poll(reader)
        assert reader.places == []

    async def test_a_dot_file_is_no_letter(self, tmp_path: Path) -> None:
        inbox, reader = MaildirInbox(tmp_path), Reader()
        drop(tmp_path, ".being-written")
        await inbox.poll(reader)
        assert (reader.places, files(tmp_path / "new")) == ([], [".being-written"])

    async def test_a_file_that_is_still_empty_waits_for_its_writer(self, tmp_path: Path) -> None:
        inbox, reader = MaildirInbox(tmp_path), Reader()
        drop(tmp_path, message=b"")
        before = await inbox.poll(reader)
        drop(tmp_path)
        assert (before, await inbox.poll(reader), reader.places) == (0, 1, ["letter"])

    async def test_a_file_that_nobody_fills_is_set_aside_and_told(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        now = time.time()
        inbox, reader = MaildirInbox(tmp_path, now=lambda: now), Reader()
        os.utime(drop(tmp_path, message=b""), (now - 601, now - 601))
        await inbox.poll(reader)
        assert (reader.places, files(tmp_path / "failed")) == ([], ["letter"])
        assert "letter letter: empty for 10 minutes; set aside as" in caplog.text

    async def test_two_letters_of_one_name_are_both_kept(self, tmp_path: Path) -> None:
        inbox = MaildirInbox(tmp_path)
        for number in range(3):
            drop(tmp_path, message=b"%d" % number)
            await inbox.poll(Reader())
        kept = {path.read_bytes() for path in (tmp_path / "cur").iterdir()}
        assert kept == {b"0", b"1", b"2"}

    async def test_two_that_are_set_aside_under_one_name_are_both_kept(
        self, tmp_path: Path
    ) -> None:
        inbox = MaildirInbox(tmp_path)
        for _ in range(2):
            (tmp_path / "new" / "odd").mkdir()
            await inbox.poll(Reader())
        assert files(tmp_path / "failed") == ["odd", "odd.2"]

    @pytest.mark.parametrize("kind", ["symlink", "dangling", "directory", "fifo", "large"])
    async def test_what_is_no_letter_is_set_aside_and_never_read(
        self, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        home = tmp_path / "in"
        inbox, reader = MaildirInbox(home), Reader()
        odd = home / "new" / "odd"
        if kind == "symlink":
            odd.symlink_to(drop(home, "target").rename(tmp_path / "target"))
        elif kind == "dangling":
            odd.symlink_to("nowhere")
        elif kind == "directory":
            odd.mkdir()
        elif kind == "fifo":
            os.mkfifo(odd)
        else:
            with odd.open("wb") as file:
                file.truncate(MAX_LETTER + 1)
        drop(home, "letter")

        handled = await asyncio.wait_for(inbox.poll(reader), 10)

        assert (handled, reader.places, files(home / "failed")) == (1, ["letter"], ["odd"])
        assert "letter odd: " in caplog.text

    async def test_the_largest_letter_is_handled(self, tmp_path: Path) -> None:
        inbox, reader = MaildirInbox(tmp_path), Reader()
        with drop(tmp_path).open("wb") as file:
            file.truncate(MAX_LETTER)
        await inbox.poll(reader)
        assert reader.places == ["letter"]

    async def test_a_letter_that_vanishes_is_nobodys_fault(self, tmp_path: Path) -> None:
        inbox = MaildirInbox(tmp_path)
        drop(tmp_path, "a")
        drop(tmp_path, "b")
        places = []

        async def take_the_others(letter: Letter) -> None:
            places.append(letter.place)
            for path in (tmp_path / "new").iterdir():
                if path.name != letter.place:
                    path.unlink()

        await inbox.poll(take_the_others)

        assert (len(places), inbox.pulse.last_error) == (1, "")
