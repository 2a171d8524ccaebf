// Players with a waveform, one at a time, and takes that can be dragged out of the page.
(() => {
  const players = new Map(); // audio element -> its sound's element

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
    for (const other of players.keys()) {
      if (other !== audio) other.pause();
      if (!other.isConnected) players.delete(other);
    }
    audio.play().catch(() => players.get(audio)?.classList.add('broken'));
  };

  document.addEventListener('click', (event) => {
    event.target.closest('[data-more]')?.closest('.cards').classList.add('all');
    const sound = event.target.closest('.sound, .card.gesture');
    if (!sound || event.target.closest('[data-act], a')) return;
    const audio = adopt(sound);
    if (!audio) return;
    const seek = event.target.closest('[data-seek]');
    if (seek) {
      const box = seek.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      const jump = () => { audio.currentTime = share * audio.duration; play(audio); };
      if (audio.readyState > 0) jump();
      else { audio.addEventListener('loadedmetadata', jump, {once: true}); audio.load(); }
    } else if (event.target.closest('[data-play]')) {
      if (audio.paused) play(audio); else audio.pause();
    }
  });

  document.addEventListener('dragstart', (event) => {
    const link = event.target.closest?.('a[data-file]');
    if (link) event.dataTransfer.setData('DownloadURL', `audio/wav:${link.dataset.file}:${link.href}`);
  });
})();
