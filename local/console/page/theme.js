// Sets the theme before the first paint, so that the other one does not flash. Without a choice, the system's theme is
// used.
(() => {
  const KEY = 'parley-theme';
  const root = document.documentElement;
  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // If storage is forbidden, a choice lasts as long as the page.
    }
  };
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const apply = (choice) => {
    root.dataset.theme = choice ?? (dark.matches ? 'dark' : 'light');
    root.dispatchEvent(new Event('themechange'));
  };
  dark.addEventListener('change', () => apply(stored()));
  window.parleyTheme = {
    toggle() {
      const choice = root.dataset.theme === 'dark' ? 'light' : 'dark';
      try {
        localStorage.setItem(KEY, choice);
      } catch {
        // As above.
      }
      apply(choice);
    },
  };
  apply(stored());
})();
