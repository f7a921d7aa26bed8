"""The web door on a loopback port, with small pages behind it that really decide."""
