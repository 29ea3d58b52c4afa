// Figures as people read them. Absent values are a dash.

const kNone = "–";
const number = new Intl.NumberFormat("en-GB");
const absent = (value) => value === null || value === undefined || Number.isNaN(value);

export const count = (value) => absent(value) ? kNone : number.format(Math.round(value));

export function short(value) {
  if (absent(value)) return kNone;
  if (value >= 999_950_000) return (value / 1e9).toFixed(1) + " G";
  if (value >= 999_950) return (value / 1e6).toFixed(1) + " M";
  if (value >= 10_000) return (value / 1e3).toFixed(1) + " k";
  return value > 0 && value < 10 ? String(+value.toFixed(1)) : number.format(Math.round(value));
}

export function bytes(value) {
  if (absent(value)) return kNone;
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    ++unit;
  }
  return (unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)) + " " + units[unit];
}

export function duration(seconds) {
  if (absent(seconds)) return kNone;
  if (seconds === 0) return "0 s";
  if (seconds < 0.95) return Math.round(seconds * 1000) + " ms";
  if (seconds < 9.95) return (Number.isInteger(seconds) ? seconds : seconds.toFixed(1)) + " s";
  if (seconds < 99.5) return Math.round(seconds) + " s";
  const [size, unit, part, of] = seconds < 3600 ? [60, "min", 1, "s"] : seconds < 86_400 ? [3600, "h", 60, "min"] : [86_400, "d", 3600, "h"];
  const less = Math.floor(seconds % size / part);
  return `${Math.floor(seconds / size)} ${unit}` + (less > 0 ? ` ${less} ${of}` : "");
}

export const rate = (value) => absent(value) ? kNone : short(value) + "/s";
export const percent = (share) => absent(share) ? kNone : Math.floor(share * 100) + " %";
export const plural = (value, noun, many = noun + "s") => `${count(value)} ${value === 1 ? noun : many}`;

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

export function time(text) {
  if (!text) return kNone;
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return text;
  const today = at.toDateString() === new Date().toDateString();
  return today ? clock.format(at) : day.format(at) + ", " + clock.format(at);
}

export function ago(text, now = Date.now()) {
  if (!text) return kNone;
  const seconds = (now - Date.parse(text)) / 1000;
  if (Number.isNaN(seconds)) return text;
  return seconds < 1 ? "just now" : duration(Math.round(seconds)) + " ago";
}

// One row of CSV as RFC 4180 has it; NULL is an empty cell, an empty text is "".
export function csv(cells) {
  return cells.map((cell) => {
    if (absent(cell)) return "";
    const text = String(cell);
    return text === "" || /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  }).join(",") + "\r\n";
}
