// The library's list by keyboard: arrows go from sound to sound, the space bar plays, E exports.
(() => {
  document.addEventListener('keydown', (event) => {
    const sound = event.target.closest?.('#library-list .card.sound');
    if (!sound || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input')) return;
    const all = [...document.querySelectorAll('#library-list .card.sound')], step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (step) {
      const next = all[all.indexOf(sound) + step];
      next?.focus({preventScroll: true});
      next?.scrollIntoView({block: 'nearest'});
    } else if (event.key === ' ' && event.target === sound) window.players.toggle(sound);
    else if (event.key === 'e') sound.querySelector('[data-act=export]')?.click();
    else return;
    event.preventDefault();
  });
})();
