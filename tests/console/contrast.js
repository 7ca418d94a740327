// The texts and drawings of a page that do not stand out enough against what is behind them (WCAG 2.2, AA).
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (top, below) => [0, 1, 2].map((at) => top[at] * top[3] + below[at] * (1 - top[3])).concat(1);
  const luminance = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue]
      .map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const ancestors = (element) => (element ? [element, ...ancestors(element.parentElement)] : []);
  const ground = (element) => {
    const layers = ancestors(element)
      .map((one) => rgba(getComputedStyle(one).backgroundColor))
      .reverse();
    return layers.reduce((below, layer) => over(layer, below), [255, 255, 255, 1]);
  };
  const opacity = (element) =>
    ancestors(element).reduce((product, one) => product * Number(getComputedStyle(one).opacity), 1);
  const isShown = (element) => {
    const box = element.getBoundingClientRect();
    return (
      element.checkVisibility({ visibilityProperty: true }) &&
      box.width > 1 &&
      box.height > 1 &&
      opacity(element) > 0 &&
      !element.closest(':disabled')
    );
  };
  const found = [];
  const check = (element, what, colour, wanted) => {
    const behind = ground(element);
    const [red, green, blue, alpha] = rgba(colour);
    const seen = over([red, green, blue, alpha * opacity(element)], behind);
    const measured = ratio(seen, behind);
    if (measured < wanted)
      found.push(`${what}: ${measured.toFixed(2)} of ${wanted} (${element.className || element.tagName})`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let texts = 0;
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || ['SCRIPT', 'STYLE', 'NOSCRIPT', 'OPTION'].includes(element.tagName) || !isShown(element))
      continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    check(element, node.data.trim().slice(0, 40), style.color, isLarge ? 3 : 4.5);
    texts += 1;
  }
  for (const svg of document.querySelectorAll('svg.icon'))
    if (isShown(svg)) check(svg, 'drawing', getComputedStyle(svg).color, 3);
  for (const field of document.querySelectorAll('input, textarea, select')) {
    if (!isShown(field)) continue;
    if (field.placeholder)
      check(field, `placeholder ${field.placeholder}`, getComputedStyle(field, '::placeholder').color, 4.5);
    check(field, 'text of a field', getComputedStyle(field).color, 4.5);
  }
  return { texts, found };
})();
