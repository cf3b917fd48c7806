//! What answers under way hold together, and which of their readers go when it is too much. Asks neither the kernel nor a clock.

use std::collections::{HashMap, HashSet};

/// Bytes that all answers under way may hold together.
const LIMIT: usize = 10 * 1024 * 1024;
/// Answers that have room in any case, however large a page is: two servers of Prometheus in a slow network must not reset
/// each other for ever.
const PAGES: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Page {
    pub(super) address: usize,
    pub(super) length: usize,
}

/// The memory that an answer holds, and how fast its client reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerMemory {
    /// None: the kernel has all of it.
    pub(super) page: Option<Page>,
    pub(super) buffered: usize,
    /// None: it has only just begun.
    pub(super) bytes_per_second: Option<f64>,
}

/// What all answers may hold now.
pub(super) fn limit(answers: &[AnswerMemory]) -> usize {
    let pages = answers.iter().filter_map(|answer| answer.page);
    let largest = pages.map(|page| page.length).max().unwrap_or_default();
    LIMIT.max(PAGES * largest)
}

/// Bytes; a page that several send counts once.
pub(super) fn held(answers: &[AnswerMemory]) -> usize {
    let pages: HashSet<Page> = answers.iter().filter_map(|answer| answer.page).collect();
    let pages: usize = pages.iter().map(|page| page.length).sum();
    let buffered = answers.iter().map(|answer| answer.buffered);
    pages + buffered.sum::<usize>()
}

/// The slowest readers, as many as it takes until the rest is within the limit, and after them those that have only just begun.
/// The answers are in the order of their age; the newest is never among them.
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
            let left = readers.entry(page).or_default();
            *left -= 1;
            held -= if *left == 0 { page.length } else { 0 };
        }
    }
    order.truncate(count);
    order
}

/// The slowest first, and last those that have only just begun.
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
    fn a_page_that_several_send_is_held_once() {
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

    /// A scraper over a slow network stays, however old its page is, while others read nothing.
    #[test]
    fn the_slowest_go_first_and_no_more_than_have_to() {
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
    fn four_pages_have_room_however_large_they_are_and_small_answers_do_not_change_that() {
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
    fn those_that_have_just_begun_go_last_and_the_oldest_of_them_first() {
        let answers = [
            answer(None, 1, None),
            answer(None, 1, 50e6),
            answer(None, 1, None),
            answer(None, 1, None),
        ];
        assert_eq!(slowest_over_limit(&answers, 1), [1, 0, 2]);
    }

    #[test]
    fn a_page_is_free_when_its_last_reader_has_gone() {
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
        fn the_newest_stays_and_the_others_are_within_the_limit(
            readers in prop::collection::vec((0..5_usize, any::<bool>(), 0..MEGABYTE, 0..100_u32), 1..40),
            limit in 0..20 * MEGABYTE,
        ) {
            let answers: Vec<_> = (readers.iter())
                .map(|&(page, handed_over, buffered, speed)| {
                    answer((!handed_over).then_some(page), buffered, f64::from(speed))
                })
                .collect();
            let gone = slowest_over_limit(&answers, limit);
            let newest = answers.len() - 1;
            assert!(!gone.contains(&newest));
            let stay = |gone: &[usize]| {
                let stay = (0..=newest).filter(|index| !gone.contains(index));
                held(&stay.map(|index| answers[index]).collect::<Vec<_>>())
            };
            assert!(stay(&gone) <= limit || gone.len() == newest);
            // One less would not have been enough.
            if let Some((_, fewer)) = gone.split_last() {
                assert!(stay(fewer) > limit);
            }
        }
    }
}
