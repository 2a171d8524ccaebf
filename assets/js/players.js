// Players with a waveform, one at a time; a sound compared with its gesture; sounds that can be dragged out of the page.
(() => {
  const players = new Map(); // audio element -> its sound's element
  const gesture = new Audio(); // what sounds are compared with
  let compared = null; // the sound whose gesture plays, and whether the sound follows it

  const show = (audio) => {
    const sound = players.get(audio);
    if (!sound) return;
    const {from, to} = sound.dataset; // a part of the sound, where only that is meant
    if (to && audio.currentTime >= to) { audio.pause(); audio.currentTime = from; }
    const share = audio.duration ? audio.currentTime / audio.duration : 0;
    sound.style.setProperty('--played', share.toFixed(4));
    sound.classList.toggle('playing', !audio.paused);
    if (!audio.paused) requestAnimationFrame(() => show(audio));
  };

  const adopt = (sound) => {
    const audio = sound.querySelector('audio');
    if (!audio) return null;
    if (!players.has(audio)) {
      ['play', 'pause', 'ended', 'seeked', 'emptied'].forEach((name) => audio.addEventListener(name, () => show(audio)));
      audio.addEventListener('ended', () => { audio.currentTime = 0; });
      audio.addEventListener('error', () => sound.classList.add('broken'));
    }
    players.set(audio, sound);
    return audio;
  };

  const play = (audio) => {
    const {from, to} = players.get(audio)?.dataset ?? {};
    if (to && (audio.currentTime < from || audio.currentTime >= to)) audio.currentTime = from;
    quiet(audio);
    audio.play().catch((error) => { if (error.name !== 'AbortError') players.get(audio)?.classList.add('broken'); }); // a pause may come before the sound
  };

  const quiet = (but) => {
    for (const other of players.keys()) {
      if (other !== but) other.pause();
      if (!other.isConnected) players.delete(other);
    }
    stopComparing();
  };

  const toggle = (sound) => {
    const audio = adopt(sound);
    if (!audio) return;
    if (compared?.sound === sound) stopComparing();
    else if (audio.paused) play(audio);
    else audio.pause();
  };

  const at = (audio, share) => {
    const jump = () => { audio.currentTime = share * audio.duration; play(audio); };
    if (audio.readyState > 0) jump();
    else { audio.addEventListener('loadedmetadata', jump, {once: true}); audio.load(); }
  };

  const stopComparing = () => {
    gesture.pause();
    compared?.sound.classList.remove('comparing');
    compared = null;
  };

  const span = () => { // the part of the gesture's file that was meant
    const {from = 0, to = gesture.duration} = compared.sound.closest('.column').dataset;
    return {from: Number(from), to: Number(to)};
  };

  const follow = () => {
    if (!compared) return;
    const {sound, then} = compared, {from, to} = span();
    const share = (gesture.currentTime - from) / (to - from);
    sound.classList.add('comparing');
    sound.style.setProperty('--compared', Math.min(Math.max(share, 0), 1).toFixed(4));
    if (gesture.ended || share >= 1) {
      stopComparing();
      if (then) at(adopt(sound), 0);
    } else requestAnimationFrame(follow);
  };

  const hearGesture = async (sound, share, then) => {
    const address = new URL(sound.closest('.column').dataset.gesture, document.baseURI).href;
    quiet(null);
    compared = {sound, then};
    if (gesture.src !== address) gesture.src = address;
    if (gesture.readyState === 0) await new Promise((loaded) => { gesture.addEventListener('loadedmetadata', loaded, {once: true}); gesture.load(); });
    if (compared?.sound !== sound) return;
    const {from, to} = span();
    gesture.currentTime = from + share * (to - from);
    await gesture.play().catch(stopComparing);
    follow();
  };

  // the gesture and then the sound; while one of them plays, the other from the same place
  const compare = (sound) => {
    const audio = adopt(sound);
    if (!audio || !sound.closest('.column')?.dataset.gesture) return;
    if (compared?.sound === sound) {
      const {from, to} = span();
      at(audio, Math.min((gesture.currentTime - from) / (to - from), 1));
    } else if (!audio.paused) hearGesture(sound, audio.duration ? audio.currentTime / audio.duration : 0, false);
    else hearGesture(sound, 0, true);
  };

  window.players = {toggle, compare};

  document.addEventListener('click', (event) => {
    event.target.closest('[data-more]')?.closest('.cards').classList.add('all');
    const sound = event.target.closest('.sound, .card.gesture');
    if (!sound || event.target.closest('[data-act], a')) return;
    if (event.target.closest('[data-ab]')) compare(sound);
    else if (event.target.closest('[data-play]')) toggle(sound);
    else if (event.target.closest('[data-seek]')) {
      const box = event.target.closest('[data-seek]').getBoundingClientRect(), audio = adopt(sound);
      if (audio) at(audio, (event.clientX - box.left) / box.width);
    }
  });

  document.addEventListener('dragstart', (event) => {
    const sound = event.target.closest?.('[data-href]');
    if (!sound) return;
    const address = new URL(sound.dataset.href, document.baseURI).href;
    event.dataTransfer.setData('DownloadURL', `audio/wav:${sound.dataset.file}:${address}`);
    event.dataTransfer.setData('text/uri-list', address);
    event.dataTransfer.effectAllowed = 'copy';
  });
})();
