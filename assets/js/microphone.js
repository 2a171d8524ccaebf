// A word on a microphone that is refused, absent, or out of reach.
(() => {
  const say = (text) => {
    const line = document.querySelector('#microphone-trouble');
    if (line) { line.textContent = text; line.hidden = !text; }
  };
  const REFUSED = 'The browser blocked the microphone: allow it in the address bar, or upload a file.';
  const ABSENT = 'No microphone was found: plug one in, or upload a file.';
  const INSECURE = 'Browsers give the microphone only to https or this machine: open the https link, or upload a file.';
  if (!navigator.mediaDevices) {
    document.addEventListener('click', (event) => { if (event.target.closest('#recorder')) say(INSECURE); });
  } else {
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      try {
        const stream = await ask(wanted);
        say('');
        return stream;
      } catch (error) {
        say(error.name === 'NotFoundError' ? ABSENT : REFUSED);
        throw error;
      }
    };
  }
})();
