// The name of a run, written over where it stands: Enter or leaving the field keeps it, Escape brings back the one before.
document.addEventListener('keydown', (event) => {
  const field = event.target.closest?.('[data-rename]');
  if (!field || event.isComposing || !['Enter', 'Escape'].includes(event.key)) return;
  if (event.key === 'Escape') field.value = field.getAttribute('value');
  event.preventDefault();
  field.blur();
});
document.addEventListener('change', (event) => {
  const field = event.target.closest?.('[data-rename]');
  if (!field || field.value === field.getAttribute('value')) return;
  const button = field.parentElement.querySelector('[data-act=rename]');
  button.dataset.name = field.value;
  button.click();
});

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
