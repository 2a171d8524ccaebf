// Sliders within cards: the number follows the hand, and once let go of, the unseen button beside it is pressed with the value.
(() => {
  const slider = (event) => event.target.closest?.('[data-slider]');
  document.addEventListener('input', (event) => {
    const moved = slider(event);
    if (moved) moved.parentElement.querySelector('output').value = moved.value;
  });
  document.addEventListener('change', (event) => {
    const moved = slider(event);
    const button = moved?.parentElement.querySelector('button');
    if (button) { button.dataset.strength = moved.value; button.click(); }
  });
})();
