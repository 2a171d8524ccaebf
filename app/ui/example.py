"""What a first visitor sees: one gesture with words, that a press sends the usual way."""

from __future__ import annotations

from pathlib import Path

from app.services.studio import Studio
from app.ui import cards
from app.ui.plots import gesture_picture

GESTURE = Path(__file__).resolve().parents[2] / "assets" / "examples" / "gesture.wav"
WORDS = "laser zap"


class Example:
    """Component: `area`, whose click is the press."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.area = cards.area(elem_id="example")

    def html(self) -> str:
        """The card."""
        recording = self._studio.gestures.read(GESTURE)
        picture = gesture_picture(recording.clip, recording.contours)
        return (
            f'<div class="card sound example"><div class="stage" data-seek>{picture}<i class="needle"></i></div>'
            f'{cards.play("the example", self._studio.sounds.token(recording.prepared))}'
            f'<p>a mouth sound, and <b>“{WORDS}”</b></p><button class="go" data-act="example">Hear an example</button></div>'
        )
