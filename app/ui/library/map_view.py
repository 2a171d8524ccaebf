"""The map as HTML: an element that assets/js/map.js brings to life, what it presses when sounds were chosen in it, the card of one that is heard."""

from __future__ import annotations

from app.services.library_map import MapState
from app.services.sounds import Sounds
from app.ui import cards
from app.ui.library.sound_list import card_template


def map_view(state: MapState, sounds: Sounds) -> str:
    """The map, or why there is none yet."""
    if state.file is None:
        text = state.trouble or ("The map of your sounds is being drawn." if state.drawing else "A map of your sounds appears here once they are indexed.")
        return f'<div class="no-map">{cards.empty(text, "trouble" if state.trouble else "")}</div>'
    label = f"Map of {state.count:,} sounds, those that sound alike near each other."
    return (
        f'<sound-map src="export/{sounds.token(state.file)}" label="{label}"></sound-map>'
        f'<button hidden data-act="choose" data-on="select"></button>{card_template()}'
    )
