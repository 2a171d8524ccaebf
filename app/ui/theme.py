"""The look of the page: gradio's base theme with this project's colours and the machine's own fonts (nothing is fetched)."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

_ASSETS = Path(__file__).resolve().parents[2] / "assets"
STYLE_SHEETS = sorted((_ASSETS / "css").glob("*.css"))  # by their numbers: later ones may refine earlier ones
SCRIPTS = sorted((_ASSETS / "js").glob("*.js"))
_SANS = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


def theme() -> gr.themes.Base:
    """Neutral greys, one warm accent for the one button; colours themselves are variables of the style sheet."""
    return gr.themes.Base(
        primary_hue="orange", neutral_hue="zinc", font=_SANS, font_mono=_MONO, radius_size="lg", spacing_size="md", text_size="md"
    ).set(
        body_background_fill="var(--ground)",
        body_background_fill_dark="var(--ground)",
        body_text_color="var(--ink)",
        body_text_color_dark="var(--ink)",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_border_width_dark="0px",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_color="var(--faint)",
        block_label_text_color_dark="var(--faint)",
        block_title_text_color="var(--faint)",
        block_title_text_color_dark="var(--faint)",
        block_title_text_size="var(--text-sm)",
        block_padding="0px",
        input_background_fill="var(--well)",
        input_background_fill_dark="var(--well)",
        input_border_color="var(--edge)",
        input_border_color_dark="var(--edge)",
        slider_color="var(--accent)",
        slider_color_dark="var(--accent)",
        button_primary_background_fill="var(--accent)",
        button_primary_background_fill_dark="var(--accent)",
        button_primary_background_fill_hover="var(--accent-hover)",
        button_primary_background_fill_hover_dark="var(--accent-hover)",
        button_primary_text_color="var(--on-accent)",
        button_primary_text_color_dark="var(--on-accent)",
        border_color_primary="var(--edge)",
        border_color_primary_dark="var(--edge)",
    )


def head() -> str:
    """What the page's head holds beside gradio's own."""
    scripts = "".join(f"<script>{script.read_text(encoding='utf-8')}</script>" for script in SCRIPTS)
    return f'<meta name="viewport" content="width=device-width, initial-scale=1">{scripts}'
