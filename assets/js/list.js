// The library's sounds by keyboard, in the list and under the map: arrows go from sound to sound, the space bar plays, E exports.
(() => {
  document.addEventListener('keydown', (event) => {
    const sound = event.target.closest?.(':is(#library-list, #library-heard) .card.sound');
    if (!sound || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input')) return;
    const all = [...sound.closest('.cards').querySelectorAll('.card.sound')], step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (step) {
      const next = all[all.indexOf(sound) + step];
      next?.focus({preventScroll: true});
      next?.scrollIntoView({block: 'nearest'});
    } else if (event.key === ' ' && event.target === sound) window.players.toggle(sound);
    else if (event.key === 'e') sound.querySelector('[data-act=export]')?.click();
    else return;
    event.preventDefault();
  });

  // a phone shows the first few, so that what is below them can be reached, until all are asked for
  document.addEventListener('click', (event) => {
    if (event.target.closest('[data-all-sounds]')) document.getElementById('library-list').dataset.all = '';
  });
})();
