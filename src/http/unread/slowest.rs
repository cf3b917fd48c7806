//! Computes the memory of all unread answers, and which readers to reset above the limit. Uses neither the kernel nor a clock.

use std::collections::{HashMap, HashSet};

/// Bytes that all unread answers may hold together.
const LIMIT: usize = 10 * 1024 * 1024;
/// This many pages always fit, whatever their size: two Prometheus servers in a slow network must not reset each other forever.
const MIN_PAGES: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Page {
    pub(super) address: usize,
    pub(super) length: usize,
}

/// The memory that an answer holds, and how fast its client reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerMemory {
    /// None: the kernel has accepted all of it.
    pub(super) page: Option<Page>,
    pub(super) buffered: usize,
    /// None: the answer has only just begun.
    pub(super) bytes_per_second: Option<f64>,
}

/// The limit for the current answers.
pub(super) fn limit(answers: &[AnswerMemory]) -> usize {
    let pages = answers.iter().filter_map(|answer| answer.page);
    let largest = pages.map(|page| page.length).max().unwrap_or_default();
    LIMIT.max(MIN_PAGES * largest)
}

/// The bytes that the answers hold. A page that several answers share counts once.
pub(super) fn held(answers: &[AnswerMemory]) -> usize {
    let pages: HashSet<Page> = answers.iter().filter_map(|answer| answer.page).collect();
    let pages: usize = pages.iter().map(|page| page.length).sum();
    let buffered = answers.iter().map(|answer| answer.buffered);
    pages + buffered.sum::<usize>()
}

/// The slowest readers whose reset brings the rest within the limit. Answers that have only just begun come last. `answers` are
/// sorted from oldest to newest, and the newest is never returned.
pub(super) fn slowest_over_limit(answers: &[AnswerMemory], limit: usize) -> Vec<usize> {
    let newest = answers.len().saturating_sub(1);
    let mut order = by_speed(&answers[..newest]);
    let mut readers: HashMap<Page, usize> = HashMap::new();
    for page in answers.iter().filter_map(|answer| answer.page) {
        *readers.entry(page).or_default() += 1;
    }
    let mut held = held(answers);
    let mut count = 0;
    for index in &order {
        if held <= limit {
            break;
        }
        count += 1;
        held -= answers[*index].buffered;
        if let Some(page) = answers[*index].page {
            let rest = readers.entry(page).or_default();
            *rest -= 1;
            held -= if *rest == 0 { page.length } else { 0 };
        }
    }
    order.truncate(count);
    order
}

/// The slowest reader first, and answers that have only just begun last.
pub(super) fn by_speed(answers: &[AnswerMemory]) -> Vec<usize> {
    let mut order: Vec<_> = (0..answers.len()).collect();
    let speed = |index: &usize| answers[*index].bytes_per_second.unwrap_or(f64::INFINITY);
    order.sort_by(|one, other| speed(one).total_cmp(&speed(other)));
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop};
    use proptest::proptest;

    use super::*;

    const MEGABYTE: usize = 1 << 20;

    fn answer(
        address: Option<usize>,
        buffered: usize,
        bytes_per_second: impl Into<Option<f64>>,
    ) -> AnswerMemory {
        AnswerMemory {
            page: address.map(|address| Page {
                address,
                length: MEGABYTE,
            }),
            buffered,
            bytes_per_second: bytes_per_second.into(),
        }
    }

    #[test]
    fn a_shared_page_counts_once() {
        let two = [answer(Some(1), 10, 0.0), answer(Some(1), 20, 0.0)];
        assert_eq!(held(&two), MEGABYTE + 30);
        let with_another = [
            two[0],
            two[1],
            answer(Some(2), 0, 0.0),
            answer(None, 5, 0.0),
        ];
        assert_eq!(held(&with_another), 2 * MEGABYTE + 35);
    }

    /// A scraper in a slow network is kept while others read nothing, however old its page is.
    #[test]
    fn the_slowest_readers_are_reset_and_no_more_than_needed() {
        let answers = [
            answer(Some(1), 1, 30e3),
            answer(Some(2), 1, 10e3),
            answer(Some(3), 1, 20e3),
            answer(Some(4), 1, 0.0),
        ];
        let limit = |pages: usize| pages * (MEGABYTE + 1);
        assert_eq!(slowest_over_limit(&answers, limit(4)), [0; 0]);
        assert_eq!(slowest_over_limit(&answers, limit(3)), [1]);
        assert_eq!(slowest_over_limit(&answers, limit(2)), [1, 2]);
        assert_eq!(slowest_over_limit(&answers, limit(1)), [1, 2, 0]);
    }

    #[test]
    fn four_pages_always_fit_whatever_their_size() {
        let mut answers = [
            answer(Some(1), 1, 0.0),
            answer(Some(2), 1, 0.0),
            answer(None, 1, 0.0),
        ];
        assert_eq!(limit(&answers), 10 * MEGABYTE);
        answers[0].page = Some(Page {
            address: 3,
            length: 5 * MEGABYTE,
        });
        assert_eq!(limit(&answers), 20 * MEGABYTE);
    }

    #[test]
    fn answers_that_have_just_begun_are_reset_last_and_the_oldest_first() {
        let answers = [
            answer(None, 1, None),
            answer(None, 1, 50e6),
            answer(None, 1, None),
            answer(None, 1, None),
        ];
        assert_eq!(slowest_over_limit(&answers, 1), [1, 0, 2]);
    }

    #[test]
    fn a_page_is_freed_with_its_last_reader() {
        let answers = [
            answer(Some(1), 1, 0.0),
            answer(Some(1), 1, 1.0),
            answer(Some(2), 1, 2.0),
            answer(None, 1, 3.0),
        ];
        assert_eq!(slowest_over_limit(&answers, 2 * MEGABYTE), [0, 1]);
    }

    proptest! {
        #[test]
        fn the_newest_is_kept_and_the_rest_is_within_the_limit(
            readers in prop::collection::vec((0..5_usize, any::<bool>(), 0..MEGABYTE, 0..100_u32), 1..40),
            limit in 0..20 * MEGABYTE,
        ) {
            let answers: Vec<_> = (readers.iter())
                .map(|&(page, handed_over, buffered, speed)| {
                    answer((!handed_over).then_some(page), buffered, f64::from(speed))
                })
                .collect();
            let reset = slowest_over_limit(&answers, limit);
            let newest = answers.len() - 1;
            assert!(!reset.contains(&newest));
            let held_without = |reset: &[usize]| {
                let kept = (0..=newest).filter(|index| !reset.contains(index));
                held(&kept.map(|index| answers[index]).collect::<Vec<_>>())
            };
            assert!(held_without(&reset) <= limit || reset.len() == newest);
            // One reset less is not enough.
            if let Some((_, fewer)) = reset.split_last() {
                assert!(held_without(fewer) > limit);
            }
        }
    }
}
