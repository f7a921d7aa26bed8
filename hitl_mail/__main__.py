"""`python -m hitl_mail`."""

from hitl_mail.cli import main

if __name__ == "__main__":
    main()
