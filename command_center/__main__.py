"""``python -m command_center`` is what the launcher ``wanmi`` hands over to."""

from command_center.cli import main

if __name__ == "__main__":
    main()
