use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

const A: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const B: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A client of one page, each time in milliseconds since the start.
struct Scene {
    start: Instant,
    scrapes: Scrapes,
}

impl Scene {
    fn new(served: &[(u64, IpAddr)]) -> Self {
        let mut scene = Self {
            start: Instant::now(),
            scrapes: Scrapes::default(),
        };
        for (at, address) in served {
            scene.serve(*at, *address);
        }
        scene
    }

    fn serve(&mut self, at: u64, address: IpAddr) {
        self.scrapes.served(None, address, self.start + ms(at));
    }

    fn due(&self, read: u64, now: u64) -> Option<u128> {
        let due = self
            .scrapes
            .due("main", self.start + ms(read), self.start + ms(now));
        due.map(|due| due.duration_since(self.start).as_millis())
    }
}

#[test]
fn figures_are_read_shortly_before_the_next_request() {
    let scene = Scene::new(&[(0, A), (5000, A), (10_000, A)]);
    assert_eq!(scene.due(9000, 10_000), Some(14_000));
    assert_eq!(scene.due(14_000, 14_001), Some(19_000), "the request after");
    let fast = Scene::new(&[(0, A), (1000, A)]);
    assert_eq!(fast.due(750, 1000), Some(1750));
    let slow = Scene::new(&[(0, A), (60_000, A)]);
    assert_eq!(slow.due(59_000, 60_000), Some(119_000));
}

#[test]
fn a_single_request_and_no_request_are_not_followed() {
    assert_eq!(Scene::new(&[]).due(0, 1000), None);
    assert_eq!(Scene::new(&[(0, A)]).due(0, 1000), None);
    assert_eq!(Scene::new(&[(0, A), (100, A)]).due(0, 1000), None, "one");
}

#[test]
fn a_client_that_went_away_is_forgotten_after_three_intervals() {
    let scene = Scene::new(&[(0, A), (5000, A)]);
    assert_eq!(scene.due(9000, 11_000), Some(14_000));
    assert_eq!(scene.due(14_000, 16_000), Some(19_000));
    assert_eq!(scene.due(19_000, 21_000), None);
}

#[test]
fn a_missed_request_does_not_change_the_interval() {
    let scene = Scene::new(&[(0, A), (5000, A), (15_000, A)]);
    assert_eq!(scene.due(14_000, 15_000), Some(19_000));
}

#[test]
fn a_client_that_returns_has_its_interval() {
    let scene = Scene::new(&[(0, A), (5000, A), (300_000, A)]);
    assert_eq!(scene.due(290_000, 300_000), Some(304_000));
}

#[test]
fn two_clients_share_a_reading_where_it_is_new_for_both() {
    let mut scene = Scene::new(&[(0, A), (300, B), (5000, A), (5300, B)]);
    assert_eq!(scene.due(4000, 5300), Some(9000));
    assert_eq!(scene.due(9000, 9001), Some(14_000), "B has it too");
    scene.serve(6500, B); // after 1.2 s
    assert_eq!(scene.due(4000, 6500), Some(7400));
}

#[test]
fn the_page_of_another_server_does_not_count() {
    let start = Instant::now();
    let mut scrapes = Scrapes::default();
    for at in [0, 5] {
        scrapes.served(Some("other"), A, start + ms(at * 1000));
    }
    let now = start + ms(5000);
    assert_eq!(scrapes.due("main", start, now), None);
    assert_eq!(scrapes.due("other", start, now), Some(start + ms(9000)));
}

#[test]
fn memory_is_bounded() {
    let (start, mut scrapes) = (Instant::now(), Scrapes::default());
    for n in 0..1000_u32 {
        let now = start + ms(u64::from(n) * 10);
        scrapes.served(None, IpAddr::V4(Ipv4Addr::from(n)), now);
        scrapes.served(Some("main"), A, now);
    }
    assert_eq!(scrapes.pages[&None].len(), CLIENTS);
    scrapes.served(None, A, start + FORGOTTEN * 2);
    assert_eq!(scrapes.pages.len(), 1, "the page of main was forgotten");
}

proptest! {
    /// Each request finds figures that the request before it did not have, and they are at most twice the lead old.
    #[test]
    fn every_request_finds_new_figures(interval in 1000_u64..20_000, jitter in prop::collection::vec(0_u64..100, 30), took in 1_u64..50) {
        let mut scene = Scene::new(&[]);
        let (mut read, mut reads_before) = (0, Vec::new());
        for (n, late) in (0_u64..).zip(&jitter) {
            let at = n * interval + late;
            // The poller reads whenever it is due, until the request comes.
            let mut now = read;
            while let Some(due) = scene.due(read, now) {
                let due = u64::try_from(due).expect("a short time");
                if due.max(now) >= at {
                    break;
                }
                now = due.max(now) + took;
                read = now;
            }
            scene.serve(at, A);
            reads_before.push((at, read));
        }
        for pair in reads_before.windows(2).skip(2) {
            let [(_, before), (at, read)] = pair else { unreachable!() };
            prop_assert!(read > before, "{reads_before:?}");
            prop_assert!(at - read <= 2000 + 200, "{reads_before:?}");
        }
    }
}
