// The strip of earlier gestures grows as one scrolls: its last button is pressed once it is near, and is there for the keyboard too.
(() => {
  const NEAR = '0px 400px';
  let near = null, before = 0;

  const watch = (area) => {
    near?.disconnect();
    const more = area.querySelector('.more-earlier'), strip = more?.parentElement, after = more ? Number(more.dataset.after) : Infinity;
    if (after < before) strip.scrollLeft = 0; // it begins anew
    before = after;
    if (!more) return;
    near = new IntersectionObserver(([seen]) => { if (seen.isIntersecting && strip.scrollLeft) more.click(); }, {root: strip, rootMargin: NEAR});
    near.observe(more);
  };

  const wait = setInterval(() => {
    const area = document.getElementById('history');
    if (!area) return;
    clearInterval(wait);
    new MutationObserver(() => watch(area)).observe(area, {childList: true, subtree: true});
    watch(area);
  }, 200);
})();
