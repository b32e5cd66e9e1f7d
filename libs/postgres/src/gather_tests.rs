use std::sync::Mutex;

use tokio::sync::Semaphore;

use super::*;

/// Notes every batch; what it is told to do stands in what is asked.
struct Noting {
    batches: Arc<Mutex<Vec<Vec<Ask>>>>,
    /// A batch begins with one of these.
    gate: Arc<Semaphore>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Fine(u32),
    /// Waits for the first of its batch.
    Second(u32),
    Fails,
    Panics,
    /// Of another group.
    Other(u32),
}

#[derive(Debug, PartialEq, Eq)]
enum Refused {
    Failed,
    Lost,
}

impl From<Lost> for Refused {
    fn from(_: Lost) -> Self {
        Self::Lost
    }
}

impl Together for Noting {
    type Ask = Ask;
    type Answer = u32;
    type Error = Refused;
    type Group = bool;

    const BATCH_MAX: usize = 4;

    fn group(ask: &Ask) -> bool {
        matches!(ask, Ask::Other(_))
    }

    async fn run(&self, asks: &[Ask]) -> Result<Vec<Option<u32>>, Refused> {
        self.gate.acquire().await.map_err(|_| Refused::Failed)?.forget();
        self.batches.lock().unwrap().push(asks.to_vec());
        assert!(!asks.contains(&Ask::Panics), "told to");
        if asks.contains(&Ask::Fails) {
            return Err(Refused::Failed);
        }
        let answer = |(place, ask): (usize, &Ask)| match ask {
            Ask::Second(number) => (place == 0).then_some(*number),
            Ask::Fine(number) | Ask::Other(number) => Some(*number),
            Ask::Fails | Ask::Panics => None,
        };
        Ok(asks.iter().enumerate().map(answer).collect())
    }
}

struct Stage {
    gatherer: Gatherer<Noting>,
    batches: Arc<Mutex<Vec<Vec<Ask>>>>,
    gate: Arc<Semaphore>,
}

impl Stage {
    fn set() -> Self {
        let (batches, gate) = (Arc::default(), Arc::new(Semaphore::new(0)));
        let work = Noting { batches: Arc::clone(&batches), gate: Arc::clone(&gate) };
        Self { gatherer: Gatherer::new(work), batches, gate }
    }

    /// Asks in this order, the first alone and the others while it is worked on.
    async fn play(&self, asks: &[Ask]) -> Vec<Result<u32, Refused>> {
        let mut asked = vec![];
        for ask in asks {
            let (gatherer, ask) = (self.gatherer.clone(), *ask);
            asked.push(tokio::spawn(async move { gatherer.ask(ask).await }));
            // The loop takes it up, or lets it wait.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
        self.gate.add_permits(100);
        let mut answers = vec![];
        for answer in asked {
            answers.push(answer.await.unwrap());
        }
        answers
    }

    fn batches(&self) -> Vec<Vec<Ask>> {
        self.batches.lock().unwrap().clone()
    }
}

use Ask::{Fails, Fine, Other, Panics, Second};

#[tokio::test]
async fn who_comes_alone_is_served_alone_and_the_others_gather_meanwhile() {
    let stage = Stage::set();
    let answers = stage.play(&[Fine(1), Fine(2), Fine(3), Fine(4), Fine(5), Fine(6)]).await;
    assert_eq!(answers, [1, 2, 3, 4, 5, 6].map(Ok));
    assert_eq!(stage.batches(), [vec![Fine(1)], vec![Fine(2), Fine(3), Fine(4), Fine(5)], vec![Fine(6)]]);
}

#[tokio::test]
async fn groups_are_not_mixed_and_keep_their_order() {
    let stage = Stage::set();
    let answers = stage.play(&[Fine(1), Other(2), Fine(3), Other(4), Fine(5)]).await;
    assert_eq!(answers, [1, 2, 3, 4, 5].map(Ok));
    assert_eq!(stage.batches(), [vec![Fine(1)], vec![Other(2), Other(4)], vec![Fine(3), Fine(5)]]);
}

#[tokio::test]
async fn one_that_spoils_a_batch_spoils_nobody_elses_request() {
    let stage = Stage::set();
    let answers = stage.play(&[Fine(1), Fine(2), Fails, Fine(3)]).await;
    assert_eq!(answers, [Ok(1), Ok(2), Err(Refused::Failed), Ok(3)]);
    let singly = [vec![Fine(2)], vec![Fails], vec![Fine(3)]];
    assert_eq!(stage.batches()[2..], singly);
}

#[tokio::test]
async fn one_that_has_to_wait_is_first_of_the_next_batch() {
    let stage = Stage::set();
    let answers = stage.play(&[Fine(1), Fine(2), Second(3), Second(4)]).await;
    assert_eq!(answers, [1, 2, 3, 4].map(Ok));
    let expected = [vec![Fine(1)], vec![Fine(2), Second(3), Second(4)], vec![Second(3), Second(4)], vec![Second(4)]];
    assert_eq!(stage.batches(), expected);
}

#[tokio::test]
async fn a_panic_ends_what_it_met_and_not_the_loop() {
    let stage = Stage::set();
    let answers = stage.play(&[Panics]).await;
    assert_eq!(answers, [Err(Refused::Lost)]);
    assert_eq!(stage.play(&[Fine(2)]).await, [Ok(2)]);
}

#[tokio::test]
async fn what_was_asked_is_done_although_nobody_waits_for_it_any_more() {
    let stage = Stage::set();
    let gatherer = stage.gatherer.clone();
    let dropped = tokio::spawn(async move { gatherer.ask(Fine(1)).await });
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    dropped.abort();
    assert_eq!(stage.play(&[Fine(2)]).await, [Ok(2)]);
    assert_eq!(stage.batches(), [vec![Fine(1)], vec![Fine(2)]]);
}
