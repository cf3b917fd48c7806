//! Charts as SVG in the page: one step line over 24 hours. What is unknown is a gap.

use std::fmt::Write as _;

use super::html::Html;

/// A line of maxima, each of an equal part of the 24 hours.
pub(super) struct Chart<'a> {
    /// What it shows, for a screen reader.
    pub(super) label: &'a str,
    pub(super) values: &'a [Option<f64>],
    /// The value at the top, unless a value is higher.
    pub(super) top: f64,
    /// In units of the drawing.
    pub(super) height: u32,
    pub(super) class: &'a str,
}

impl Chart<'_> {
    pub(super) fn write(&self, page: &mut Html) {
        let width = self.values.len();
        let known = self.values.iter().flatten().copied();
        let top = known.fold(self.top, f64::max).max(f64::MIN_POSITIVE);
        page.raw("<svg class=\"")
            .raw(self.class)
            .raw("\" viewBox=\"0 0 ");
        page.text(width).raw(" ").text(self.height);
        page.raw("\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"");
        page.text(self.label).raw("\"><path d=\"");
        page.raw(&self.path(top)).raw("\"/></svg>");
    }

    /// Absolute moves, and relative horizontal steps between absolute heights.
    fn path(&self, top: f64) -> String {
        let (mut path, mut last, mut steps) = (String::new(), None, 0);
        for (x, value) in self.values.iter().enumerate() {
            let y = value.map(|value| self.y(value, top));
            if y != last {
                finish(&mut path, &mut steps);
                match (last, y) {
                    (None, Some(y)) => write!(path, "M{x} {y}"),
                    (Some(_), Some(y)) => write!(path, "V{y}"),
                    (_, None) => Ok(()),
                }
                .expect("writing to memory cannot fail");
                last = y;
            }
            steps += u32::from(y.is_some());
        }
        finish(&mut path, &mut steps);
        path
    }

    /// Rounded down to whole units, but a value above 0 is never on the ground.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 0 and the height"
    )]
    fn y(&self, value: f64, top: f64) -> u32 {
        let height = (value / top * f64::from(self.height - 2)).ceil();
        self.height - 1 - height.clamp(0.0, f64::from(self.height - 2)) as u32
    }
}

fn finish(path: &mut String, steps: &mut u32) {
    if *steps > 0 {
        let _ = write!(path, "h{steps}");
    }
    *steps = 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(values: &[Option<f64>]) -> String {
        let chart = Chart {
            label: "",
            values,
            top: 10.0,
            height: 12,
            class: "",
        };
        chart.path(10.0)
    }

    #[test]
    fn equal_values_are_one_step_and_unknown_ones_a_gap() {
        let some = [0.0, 0.0, 0.1, 10.0].map(Some);
        assert_eq!(path(&some), "M0 11h2V10h1V1h1");
        assert_eq!(path(&[None, Some(5.0), None, Some(5.0)]), "M1 6h1M3 6h1");
        assert_eq!(path(&[None; 3]), "");
    }
}
