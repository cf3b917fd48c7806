// Positions in Grafana's grid of 24 columns, in pixels.
export const WIDTH = 1400;
const GAP = 8;
const ROW = 38; // 30 plus the gap
const HEADING = 48;
const COLUMN = (WIDTH - GAP) / 24;

export function boardHeight({ panels }) {
  return HEADING + ROW * Math.max(...panels.map(({ gridPos }) => gridPos.y + gridPos.h)) + GAP;
}

export function place({ x, y, w, h }) {
  return { left: GAP + x * COLUMN, top: HEADING + y * ROW, width: w * COLUMN - GAP, height: h * ROW - GAP };
}
