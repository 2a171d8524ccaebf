// The microphone as it is, and a word where it is refused, absent, or out of reach.
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
    // What browsers do for calls takes a long "shhh" for noise and makes loud and soft alike.
    const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const asItIs = (audio) => (audio ? { ...plain, ...(audio === true ? {} : audio) } : audio);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      try {
        const stream = await ask({ ...wanted, audio: asItIs(wanted?.audio) });
        say('');
        return stream;
      } catch (error) {
        say(error.name === 'NotFoundError' ? ABSENT : REFUSED);
        throw error;
      }
    };
  }
})();
