// The map's picture: points by category, those that were picked out larger, rings around the one meant and the one heard, the line being drawn.
(() => {
  const COLOURS = 8;

  window.mapColours = (element) => {
    const style = getComputedStyle(element), named = (name) => style.getPropertyValue(name).trim();
    const of = Object.fromEntries(['ink', 'accent', 'accent-wash', 'map-other'].map((name) => [name, named(`--${name}`)]));
    return {...of, dots: Array.from({length: COLOURS}, (_, i) => named(`--map-${i + 1}`))};
  };

  const sized = (canvas) => {
    const scale = window.devicePixelRatio || 1, {clientWidth: width, clientHeight: height} = canvas;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const pen = canvas.getContext('2d');
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    return pen;
  };

  const grouped = (scene, colours) => { // by colour, and the faded ones first
    const groups = new Map();
    for (const point of scene.points) {
      const faded = (scene.lit.size > 0 && !scene.lit.has(point.token)) || !scene.counts(point);
      const colour = colours.dots[point.category] ?? colours['map-other'], key = (faded ? '-' : '+') + colour;
      if (!groups.has(key)) groups.set(key, {colour, faded, points: []});
      groups.get(key).points.push(point);
    }
    return [...groups.values()].sort((a, b) => b.faded - a.faded);
  };

  // scene: points, lit (tokens picked out), counts (whether a point does), meant, heard (points or undefined), line (places or null)
  window.paintMap = (view, scene, colours) => {
    const {width, height} = view;
    if (!width) return;
    const pen = sized(view.canvas), size = Math.min(Math.max(90 / Math.sqrt(scene.points.length || 1), 1.8), 5) * Math.min(Math.sqrt(view.zoom), 2);
    for (const group of grouped(scene, colours)) {
      const radius = scene.lit.size && !group.faded ? size * 1.35 : size;
      pen.globalAlpha = group.faded ? 0.22 : 0.9;
      pen.fillStyle = group.colour;
      pen.beginPath();
      for (const point of group.points) {
        const [x, y] = view.at(point);
        if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
        pen.moveTo(x + radius, y);
        pen.arc(x, y, radius, 0, 7);
      }
      pen.fill();
    }
    pen.globalAlpha = 1;
    for (const [point, colour] of [[scene.meant, colours.ink], [scene.heard, colours.accent]]) {
      if (!point) continue;
      const [x, y] = view.at(point);
      pen.strokeStyle = colour;
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(x, y, size + 4, 0, 7);
      pen.stroke();
    }
    if (!scene.line) return;
    pen.beginPath();
    scene.line.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.closePath();
    pen.fillStyle = colours['accent-wash'];
    pen.fill();
    pen.strokeStyle = colours.accent;
    pen.lineWidth = 1.5;
    pen.stroke();
  };
})();
