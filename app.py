"""Start CLVAP Studio: `python app.py --help` lists the options. Nothing heavy is imported before the page answers."""

from __future__ import annotations

import os
import sys

from app import memory, space


def main() -> int:
    memory.settle()
    space.settle(os.environ)
    from app.services.studio import Studio
    from app.settings import Settings, SettingsError
    from app.ui.page import StartError, launch

    try:
        studio = Studio.from_settings(Settings.from_arguments())
        page = launch(studio)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    studio.start()
    page.block_thread()
    return 0


if __name__ == "__main__":
    sys.exit(main())
