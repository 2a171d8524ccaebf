// Captions and categories written over where they stand: press one, type, Enter; Escape leaves it as it was.
(() => {
  let edited = null; // token of the card whose caption gets the focus back once the list is there again

  const open = (card, first) => {
    const caption = card.querySelector('button.caption[data-describe]');
    if (!caption || card.querySelector('form.describe')) return;
    const field = (name, label, value, more) => {
      const input = Object.assign(document.createElement('input'), {name, value, autocomplete: 'off', ...more});
      input.setAttribute('aria-label', label);
      return input;
    };
    const words = field('caption', 'Caption', caption.dataset.caption, {maxLength: 500, required: true});
    const category = field('category', 'Category', caption.dataset.category, {maxLength: 80, required: true});
    category.setAttribute('list', 'sound-categories');
    const save = Object.assign(document.createElement('button'), {className: 'quiet strong', textContent: 'Save'});
    const leave = Object.assign(document.createElement('button'), {className: 'quiet', textContent: 'Cancel', type: 'button'});
    const form = Object.assign(document.createElement('form'), {className: 'describe'});
    form.append(words, category, save, leave);
    const close = () => { form.remove(); caption.hidden = false; caption.focus(); };
    leave.addEventListener('click', close);
    form.addEventListener('keydown', (event) => {
      event.stopPropagation(); // keys that mean something elsewhere on the page are letters here
      if (event.key === 'Escape') close();
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const told = Object.assign(document.createElement('button'), {type: 'button', hidden: true});
      Object.assign(told.dataset, {act: 'describe', on: 'edit', token: caption.dataset.token, caption: words.value, category: category.value});
      form.append(told);
      edited = caption.dataset.token;
      told.click();
      told.remove();
    });
    caption.hidden = true;
    caption.after(form);
    (first === 'category' ? category : words).select();
  };

  document.addEventListener('click', (event) => {
    const button = event.target.closest('[data-describe]');
    if (button) open(button.closest('.card'), button.dataset.describe);
  });

  new MutationObserver(() => {
    if (!edited || document.querySelector('form.describe')) return;
    document.querySelector(`#library-list button.caption[data-token="${edited}"]`)?.focus({preventScroll: true});
    edited = null;
  }).observe(document.documentElement, {childList: true, subtree: true});
})();
