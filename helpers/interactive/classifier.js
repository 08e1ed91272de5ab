// Cats, dogs and ImageNet's classes in the reader's browser: no server, no library, and nothing leaves the machine.
// The network is EfficientNet-Lite0 as in helpers/efficientnet.py, its batch norm folded into the convolutions.
// Weights have 12 bits and are written with two characters each; `python -m tools.classifier` writes them.
(function () {
  "use strict";
  const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const CODE = new Uint8Array(128);
  for (let i = 0; i < 64; i++) CODE[DIGITS.charCodeAt(i)] = i;
  const course = (window.courseClassifier = window.courseClassifier || { parts: [] });
  let network = null;

  function loadScript(url) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = url;
      script.onload = resolve;
      script.onerror = () => reject(new Error("the file " + url.split("/").pop() + " is missing beside this page"));
      document.head.appendChild(script);
    });
  }

  function floats(text) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  }

  async function load(base, say) {
    if (network) return network;
    await loadScript(base + "network.js");
    const meta = course.network;
    for (let i = 0; i < meta.parts; i++) {
      say("Loading the network: part " + (i + 1) + " of " + meta.parts + " (" + meta.megabytes + " MB in all)");
      if (course.parts[i] === undefined) await loadScript(base + "weights-" + i + ".js");
    }
    const text = course.parts.join("");
    const scales = floats(meta.scales), biases = floats(meta.biases);
    let at = 0, row = 0;
    network = { meta: meta, layers: [] };
    for (const layer of meta.layers) {
      const weights = new Float32Array(layer.out * layer.each);
      for (let o = 0, i = 0; o < layer.out; o++) {
        const scale = scales[row + o];
        for (let k = 0; k < layer.each; k++, i++, at += 2) {
          weights[i] = ((CODE[text.charCodeAt(at)] << 6 | CODE[text.charCodeAt(at + 1)]) - 2048) * scale;
        }
      }
      network.layers.push(Object.assign({ weights: weights, bias: biases.subarray(row, row + layer.out) }, layer));
      row += layer.out;
    }
    course.parts = [];
    return network;
  }

  // A 1x1 convolution: every pixel by itself. `x` holds one map after the other.
  function pointwise(x, pixels, layer) {
    const y = new Float32Array(layer.out * pixels), w = layer.weights, n = layer.each;
    for (let o = 0; o < layer.out; o++) {
      const map = y.subarray(o * pixels, (o + 1) * pixels);
      map.fill(layer.bias[o]);
      for (let c = 0; c < n; c++) {
        const weight = w[o * n + c], from = c * pixels;
        for (let p = 0; p < pixels; p++) map[p] += weight * x[from + p];
      }
      if (layer.relu6) for (let p = 0; p < pixels; p++) map[p] = map[p] < 0 ? 0 : map[p] > 6 ? 6 : map[p];
    }
    return y;
  }

  // A k x k convolution of each channel by itself, or of all three colours (the first layer).
  function spatial(x, side, layer) {
    const k = layer.kernel, s = layer.stride, out = side / s, before = Math.floor((k - s) / 2);
    const inputs = layer.each / (k * k), y = new Float32Array(layer.out * out * out);
    for (let o = 0; o < layer.out; o++) {
      const to = o * out * out;
      for (let r = 0; r < out; r++) {
        for (let c = 0; c < out; c++) {
          let sum = layer.bias[o];
          for (let i = 0; i < inputs; i++) {
            const from = (inputs === 1 ? o : i) * side * side, first = o * layer.each + i * k * k;
            for (let a = 0; a < k; a++) {
              const row = r * s + a - before;
              if (row < 0 || row >= side) continue;
              for (let b = 0; b < k; b++) {
                const column = c * s + b - before;
                if (column >= 0 && column < side) sum += layer.weights[first + a * k + b] * x[from + row * side + column];
              }
            }
          }
          y[to + r * out + c] = sum < 0 ? 0 : sum > 6 ? 6 : sum;
        }
      }
    }
    return y;
  }

  const breathe = () => new Promise((resolve) => setTimeout(resolve));

  // Pixels (three maps from -1 to 1) to logits and the maps before the mean.
  async function run(net, pixels) {
    let side = net.meta.size, x = pixels, kept = null;
    const layers = net.layers.slice(), head = layers.pop();
    for (const layer of layers) {
      if (layer.block === "first") kept = x;
      if (layer.kernel > 1) {
        x = spatial(x, side, layer);
        side /= layer.stride;
      } else {
        x = pointwise(x, side * side, layer);
      }
      if (layer.block === "add") for (let i = 0; i < x.length; i++) x[i] += kept[i];
      await breathe();
    }
    const features = new Float32Array(head.each), area = side * side;
    for (let c = 0; c < head.each; c++) {
      for (let p = 0; p < area; p++) features[c] += x[c * area + p] / area;
    }
    return { logits: pointwise(features, 1, head), maps: x, side: side, head: head };
  }

  // Bicubic scaling with a margin for shrinking, as Pillow does it: first across, then down, rounded to bytes.
  function weightsFor(from, to) {
    const scale = from / to, wide = Math.max(scale, 1), reach = 2 * wide, rows = [];
    const cubic = (t) => {
      t = Math.abs(t);
      return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
    };
    for (let i = 0; i < to; i++) {
      const centre = (i + 0.5) * scale;
      const first = Math.max(0, Math.floor(centre - reach + 0.5)), end = Math.min(from, Math.floor(centre + reach + 0.5));
      const row = [];
      let sum = 0;
      for (let j = first; j < end; j++) { const v = cubic((j - centre + 0.5) / wide); row.push(v); sum += v; }
      rows.push({ first: first, values: row.map((v) => v / sum) });
    }
    return rows;
  }

  const byte = (v) => (v < 0 ? 0 : v > 255 ? 255 : Math.round(v));

  function prepare(image, width, height, view) {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    pen.fillStyle = "white";
    pen.fillRect(0, 0, width, height);
    pen.drawImage(image, 0, 0, width, height);
    const source = pen.getImageData(0, 0, width, height).data;
    const short = Math.min(width, height), size = view.size;
    const wide = Math.trunc(view.shorter * width / short), high = Math.trunc(view.shorter * height / short);
    const left = Math.round((wide - size) / 2), top = Math.round((high - size) / 2);
    const across = weightsFor(width, wide).slice(left, left + size), down = weightsFor(height, high).slice(top, top + size);
    const start = down[0].first, last = down[size - 1], end = last.first + last.values.length;
    const middle = new Uint8Array((end - start) * size * 3), result = new Uint8ClampedArray(size * size * 4);
    for (let r = start; r < end; r++) {
      for (let c = 0; c < size; c++) {
        const row = across[c];
        for (let channel = 0; channel < 3; channel++) {
          let sum = 0;
          for (let j = 0; j < row.values.length; j++) sum += row.values[j] * source[(r * width + row.first + j) * 4 + channel];
          middle[((r - start) * size + c) * 3 + channel] = byte(sum);
        }
      }
    }
    const pixels = new Float32Array(3 * size * size);
    for (let r = 0; r < size; r++) {
      const row = down[r];
      for (let c = 0; c < size; c++) {
        for (let channel = 0; channel < 3; channel++) {
          let sum = 0;
          for (let j = 0; j < row.values.length; j++) {
            sum += row.values[j] * middle[((row.first - start + j) * size + c) * 3 + channel];
          }
          const value = byte(sum);
          result[(r * size + c) * 4 + channel] = value;
          pixels[channel * size * size + r * size + c] = value / 127.5 - 1;
        }
        result[(r * size + c) * 4 + 3] = 255;
      }
    }
    return { pixels: pixels, picture: new ImageData(result, size, size) };
  }

  function verdict(net, logits) {
    const meta = net.meta, most = Math.max(...logits);
    const p = Array.from(logits, (v) => Math.exp(v - most)), all = p.reduce((a, b) => a + b, 0);
    p.forEach((v, i) => (p[i] = v / all));
    const sum = (range) => p.slice(range[0], range[1]).reduce((a, b) => a + b, 0);
    const cats = sum(meta.cats), dogs = sum(meta.dogs);
    const odds = Math.log(dogs) - Math.log(cats) - meta.offset, dog = 1 / (1 + Math.exp(-odds));
    const order = p.map((v, i) => i).sort((a, b) => p[b] - p[a]).slice(0, 5);
    return {
      label: cats + dogs < meta.neither ? "neither" : dog > 0.5 ? "dog" : "cat",
      dog: dog, share: cats + dogs, probabilities: p,
      top: order.map((i) => ({ name: meta.names[i], index: i, probability: p[i] })),
    };
  }

  // Where the evidence is: the head's weights of the best class, on the maps before their mean was taken.
  function heat(answer, index) {
    const area = answer.side * answer.side, map = new Float32Array(area), head = answer.head;
    for (let c = 0; c < head.each; c++) {
      for (let p = 0; p < area; p++) map[p] += head.weights[index * head.each + c] * answer.maps[c * area + p];
    }
    const top = Math.max(...map, 1e-6);
    return Array.from(map, (v) => Math.max(v, 0) / top);
  }

  function paint(canvas, picture, map, side) {
    const pen = canvas.getContext("2d"), size = picture.width, small = document.createElement("canvas");
    canvas.width = canvas.height = size;
    pen.putImageData(picture, 0, 0);
    small.width = small.height = side;
    const pixels = new ImageData(side, side);
    map.forEach((v, i) => pixels.data.set([0, 0, 0, Math.round(190 * (1 - v))], i * 4)); // a light on the evidence
    small.getContext("2d").putImageData(pixels, 0, 0);
    pen.imageSmoothingEnabled = true;
    pen.drawImage(small, 0, 0, size, size);
  }

  const percent = (p) => (p > 0.995 ? "more than 99\u00a0%" : p < 0.005 ? "less than 1\u00a0%" : Math.round(100 * p) + "\u00a0%");

  // How many pictures a file holds, where the browser can tell: a GIF may move.
  async function frames(file) {
    const decoder = new ImageDecoder({ data: await file.arrayBuffer(), type: file.type });
    await Promise.all([decoder.tracks.ready, decoder.completed]);
    return decoder.tracks.selectedTrack.frameCount;
  }

  async function classify(root, file) {
    const say = (text) => (root.querySelector("[role=status]").textContent = text);
    const list = root.querySelector("ol"), canvas = root.querySelector("canvas");
    const note = root.querySelector(".course-classifier-note");
    list.replaceChildren();
    note.textContent = "";
    canvas.hidden = true;
    let image;
    try {
      image = await createImageBitmap(file);
    } catch (error) {
      return say(file.name + " is not a picture that this browser can read; save it as JPEG or PNG and try again.");
    }
    if (image.width * image.height > 60e6) {
      return say(file.name + " has more than 60 million pixels; scale it down and try again.");
    }
    try {
      const net = await load(root.dataset.base, say);
      say("Looking at " + file.name + " …");
      await breathe();
      const view = prepare(image, image.width, image.height, net.meta);
      const answer = await run(net, view.pixels), said = verdict(net, answer.logits);
      for (const one of said.top) {
        const item = document.createElement("li");
        item.textContent = one.name + ": " + percent(one.probability);
        list.appendChild(item);
      }
      paint(canvas, view.picture, heat(answer, said.top[0].index), answer.side);
      canvas.hidden = false;
      canvas.setAttribute("aria-label", "The part of " + file.name + " that was looked at; bright where the evidence for " + said.top[0].name + " is");
      note.textContent = "The part that was looked at: bright where the evidence for " + said.top[0].name + " is.";
      const count = await frames(file).catch(() => 1);
      const remark = Math.min(image.width, image.height) < 32
        ? " It has only " + image.width + " x " + image.height + " pixels, so there was little to see."
        : count > 1 ? " Only the first of its " + count + " pictures was looked at." : "";
      root.result = said;
      say((said.label === "neither"
        ? "This looks like neither a cat nor a dog; perhaps " + said.top[0].name + "."
        : "This is a " + said.label + ", probability " + percent(said.label === "dog" ? said.dog : 1 - said.dog) + ".")
        + remark + " ImageNet's five best:");
    } catch (error) {
      say("The network cannot be loaded: " + error.message + ". Open the page from the course's site, or from an unpacked copy of it.");
    }
  }

  course.start = function (root, files) {
    if (files && files.length) return classify(root, files[0]);
  };
})();
