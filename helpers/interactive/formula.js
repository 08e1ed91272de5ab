// What Python does differently, or JavaScript lacks. Only the definitions that a formula uses travel with it.
const $range = (a, b, c = 1) => {
  if (b === undefined) [a, b] = [0, a];
  const numbers = [];
  for (let i = a; c > 0 ? i < b : i > b; i += c) numbers.push(i);
  return numbers;
};
const $add = (a, b) => Array.isArray(a) ? [...a, ...b] : a + b;
const $mod = (a, b) => a - b * Math.floor(a / b);
const $at = (o, k) => Array.isArray(o) || typeof o == "string" ? o.at(k) : o[k];
const $get = (o, k, other) => k in o ? o[k] : other;
const $list = (a) => [...a];
const $many = (a) => a.length == 1 ? a[0] : a;
const $min = (...a) => $many(a).reduce((x, y) => y < x ? y : x);
const $max = (...a) => $many(a).reduce((x, y) => y > x ? y : x);
const $sum = (a) => a.reduce((x, y) => x + y, 0);
const $sorted = (a) => [...a].sort((x, y) => x < y ? -1 : x > y ? 1 : 0);
const $enumerate = (a) => a.map((x, i) => [i, x]);
const $zip = (...a) => $range($min(a.map((x) => x.length))).map((i) => a.map((x) => x[i]));
const $repeat = (a, n) => $range(n).flatMap(() => a);
const $round = (x, d = 0) => +$fixed(x, d);
// toFixed rounds an exact half away from zero, Python to the even digit.
const $fixed = (x, d) => {
  const y = Math.abs(x) * 10 ** d, half = y % 1 == 0.5 && Number.isInteger(x * 2 ** (d + 1));
  return half ? (x < 0 ? "-" : "") + (2 * Math.round(y / 2) / 10 ** d).toFixed(d) : x.toFixed(d);
};
const $general = (x, p) => {
  const [m, e] = x.toExponential(p - 1).split("e");
  const cut = (s) => s.includes(".") ? s.replace(/\.?0+$/, "") : s;
  return e < -4 || e >= p ? cut(m) + "e" + e[0] + e.slice(1).padStart(2, "0") : cut($fixed(x, p - 1 - e));
};
const $format = (x, kind, d, plus) => {
  if (Number.isNaN(x)) return plus + "nan";
  const text = !Number.isFinite(x) ? (x > 0 ? "inf" : "-inf")
    : kind == "f" ? $fixed(x, d)
    : kind == "%" ? $fixed(100 * x, d) + "%"
    : kind == "e" ? x.toExponential(d).replace(/e([+-])(\d)$/, "e$10$2")
    : kind == "g" ? $general(x, d || 1)
    : String(x);
  return text[0] == "-" ? text : (Object.is(x, -0) ? "-" : plus) + text;
};
const $erf = (x) => {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x, total = x;
  for (let n = 1; n < 200; n++) {
    term *= -x * x / n;
    total += term / (2 * n + 1);
  }
  return Math.abs(x) < 3 ? total * 2 / Math.sqrt(Math.PI) : Math.sign(x) * (1 - $tail(Math.abs(x)));
};
// Continued fraction of erfc for x >= 3, where the series above loses digits.
const $tail = (x) => {
  let f = x;
  for (let n = 60; n > 0; n--) f = x + n / 2 / f;
  return Math.exp(-x * x) / f / Math.sqrt(Math.PI);
};
