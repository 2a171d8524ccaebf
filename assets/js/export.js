// Export buttons show whether their sound is in the tray; the file that was made can be dragged out of the page.
// On a phone the tray is one line until it is opened.
(() => {
  const mark = () => {
    const inside = new Set([...document.querySelectorAll('.export-names [data-token]')].map((part) => part.dataset.token));
    document.querySelectorAll('[data-act=export]').forEach((button) => {
      const pressed = String(inside.has(button.dataset.token));
      if (button.getAttribute('aria-pressed') !== pressed) button.setAttribute('aria-pressed', pressed);
    });
  };
  let due = 0;
  const soon = () => { cancelAnimationFrame(due); due = requestAnimationFrame(mark); };
  document.addEventListener('click', (event) => {
    event.target.closest('[data-unfold]')?.closest('.export-tray').toggleAttribute('data-open');
  });
  document.addEventListener('dragstart', (event) => {
    const link = event.target.closest?.('.export-link');
    if (link) event.dataTransfer.setData('DownloadURL', `${link.dataset.type}:${link.dataset.file}:${link.href}`);
  });
  new MutationObserver(soon).observe(document.documentElement, {childList: true, subtree: true});
})();
