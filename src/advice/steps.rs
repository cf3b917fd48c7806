//! Values on a grid of time.

use std::collections::BTreeMap;

/// Values of steps of equal length, by the number of the step since the epoch: step n is the time after (n - 1) x seconds, up to
/// n x seconds. A step without a value is unknown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Steps {
    seconds: u32,
    values: BTreeMap<u32, f64>,
}

impl Steps {
    /// Without a value. `seconds` is the length of a step.
    pub(crate) fn new(seconds: u32) -> Self {
        Self {
            seconds: seconds.max(1),
            values: BTreeMap::new(),
        }
    }

    /// The step that has this time, in seconds since the epoch.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time outside of the range becomes its end"
    )]
    pub(crate) fn step_of(&self, time: f64) -> u32 {
        (time / f64::from(self.seconds)).ceil() as u32
    }

    /// If a step has two values, the larger one counts.
    pub(crate) fn add(&mut self, time: f64, value: f64) {
        let step = self.step_of(time);
        let known = self.values.entry(step).or_insert(value);
        *known = known.max(value);
    }

    /// The same steps, without those before `time`.
    pub(crate) fn since(&self, time: f64) -> Self {
        let values = self.values.range(self.step_of(time)..);
        Self {
            seconds: self.seconds,
            values: values.map(|(step, value)| (*step, *value)).collect(),
        }
    }

    /// The length of a step.
    pub(crate) fn seconds(&self) -> u32 {
        self.seconds
    }

    pub(crate) fn at(&self, step: u32) -> Option<f64> {
        self.values.get(&step).copied()
    }

    /// By time.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u32, f64)> {
        self.values.iter().map(|(step, value)| (*step, *value))
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn first(&self) -> Option<u32> {
        self.values.keys().next().copied()
    }

    pub(crate) fn last(&self) -> Option<u32> {
        self.values.keys().next_back().copied()
    }

    pub(crate) fn last_value(&self) -> Option<f64> {
        self.values.values().next_back().copied()
    }

    pub(crate) fn max(&self) -> Option<f64> {
        self.values.values().copied().reduce(f64::max)
    }

    /// The largest value as a number of connections.
    pub(crate) fn most(&self) -> Option<u32> {
        self.max().map(count)
    }

    /// The end of a step, in seconds since the epoch.
    pub(crate) fn end_of(&self, step: u32) -> f64 {
        f64::from(step) * f64::from(self.seconds)
    }
}

/// A number of connections. A part of one counts as one.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a value outside of the range becomes its end"
)]
pub(super) fn count(value: f64) -> u32 {
    value.ceil() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_ends_at_its_time_and_keeps_its_largest_value() {
        let mut steps = Steps::new(300);
        for (time, value) in [(300.0, 1.0), (301.0, 2.0), (599.0, 7.0), (600.0, 3.0)] {
            steps.add(time, value);
        }
        assert_eq!(steps.iter().collect::<Vec<_>>(), [(1, 1.0), (2, 7.0)]);
        assert_eq!(
            (steps.first(), steps.last(), steps.most()),
            (Some(1), Some(2), Some(7))
        );
        assert_eq!(steps.since(301.0).len(), 1);
        assert_eq!(steps.since(300.0).len(), 2);
        assert_eq!(steps.at(3), None);
        assert_eq!(Steps::new(300).most(), None);
    }
}
