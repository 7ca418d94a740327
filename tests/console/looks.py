"""How every page of the console must look: accessible in light and in dark, and no wider than a phone."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

# Content that is too wide also widens what a phone takes for its window.
WIDTH = "Math.max(document.scrollingElement.scrollWidth, innerWidth)"
# What a theme changes is colours only.
OF_COLOURS = ["color-contrast", "link-in-text-block"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CHECK = """async (rules) => {
  // Behind a dialog, nothing can be reached.
  const place = [...document.querySelectorAll('dialog')].at(-1) ?? document;
  const { violations, passes } = await axe.run(place, { runOnly: rules });
  const drawn = [];
  const { color } = axe.commons;
  axe.setup(document);
  for (const svg of place.querySelectorAll('svg.icon')) {
    if (!svg.checkVisibility({ visibilityProperty: true }) || svg.closest(':disabled')) continue;
    const ground = color.getBackgroundColor(svg, []);
    const line = new color.Color();
    line.parseString(getComputedStyle(svg).color);
    const ratio = ground && color.getContrast(ground, line);
    if (ratio !== null && ratio < 3) drawn.push(`${svg.closest('button, span, h3')?.outerHTML.slice(0, 120)}: ${ratio}`);
  }
  axe.teardown();
  const { nodes } = passes.find(({ id }) => id === 'color-contrast') ?? { nodes: [] };
  const faults = violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
  return { texts: nodes.length, faults: [...faults, ...drawn] };
}"""
Checker = Callable[..., None]


def checker(axe: str) -> Checker:
    """The check that a page has no fault, in light and in dark.

    `texts` is how many texts it must have measured the contrast of, at least: an empty page has no fault either.
    """

    def is_accessible(page: Page, texts: int = 20, themes: str = "light dark") -> None:
        if page.evaluate("window.axe === undefined"):
            page.evaluate(axe)
        for theme in themes.split():
            rules = RULES if theme == "light" else OF_COLOURS
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            expect(page.locator("html")).to_have_attribute("data-theme", theme)
            found = page.evaluate(CHECK, rules)
            assert found["faults"] == []
            assert found["texts"] >= texts

    return is_accessible


def fits(page: Page) -> None:
    """The page is exactly as wide as the phone, also as a small phone."""
    for width, height in ((320, 640), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(f"[screen.width, {WIDTH}]") == [width, width]
