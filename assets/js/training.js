// Captions written over where they stand: once a field is left, the unseen button beside it is pressed with what it holds.
document.addEventListener('change', (event) => {
  const field = event.target.closest?.('[data-mend]');
  const button = field?.parentElement.querySelector('[data-act=mend]');
  if (!button) return;
  field.setAttribute('value', field.value); // what a list drawn anew is compared with
  field.parentElement.classList.toggle('mended', field.value.trim() !== '' && field.value !== field.placeholder);
  button.dataset.caption = field.value;
  button.click();
});
