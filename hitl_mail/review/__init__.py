"""What a reviewer is sent and what they answer, computed: no network, no clock, no files."""
