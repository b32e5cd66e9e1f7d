//! What many ask for at once is done together: requests gather in the order they arrive while the ones before are in the database.
//! There is no timer: whoever comes alone is served alone, at once.
//!
//! What was asked for is done whether or not the asker is still there to hear of it. Nothing here is shared with other replicas.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// So many may wait for their turn; whoever comes then waits before it.
const WAITING_MAX: usize = 4_096;

/// What fails together is done singly for so long: whoever is left then is told to ask again, and does not wait behind a database that is away.
const SINGLY_MAX: Duration = Duration::from_secs(3);

/// What is done for everybody who asked meanwhile.
pub trait Together: Send + Sync + 'static {
    type Ask: Send + Sync + 'static;
    type Answer: Send + 'static;
    type Error: From<Lost> + Send + 'static;
    /// What one batch must have in common, such as the region of its transaction.
    type Group: PartialEq;

    /// As many are done at once at most.
    const BATCH_MAX: usize;

    fn group(ask: &Self::Ask) -> Self::Group;

    /// Does all of it or nothing, and answers each in its place; `None` for one that has to wait for another of the same batch and is done
    /// with the next. One that is alone is never told to wait. Where it fails, each is done singly, so that one does not spoil the others.
    fn run(&self, asks: &[Self::Ask]) -> impl Future<Output = Result<Vec<Option<Self::Answer>>, Self::Error>> + Send;
}

/// The work panicked, or the process ends: what was asked may have been done or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody answers what was asked for together with others")]
pub struct Lost;

type Outcome<W> = Result<<W as Together>::Answer, <W as Together>::Error>;

struct Waiting<W: Together> {
    ask: W::Ask,
    tell: oneshot::Sender<Outcome<W>>,
}

/// Cheap to clone. The loop behind it ends with the last clone, after what was asked.
pub struct Gatherer<W: Together>(mpsc::Sender<Waiting<W>>);

impl<W: Together> Clone for Gatherer<W> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<W: Together> Gatherer<W> {
    /// Must be called within a runtime.
    pub fn new(work: W) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        tokio::spawn(serve(Arc::new(work), receiver));
        Self(sender)
    }

    pub async fn ask(&self, ask: W::Ask) -> Outcome<W> {
        let (tell, told) = oneshot::channel();
        self.0.send(Waiting { ask, tell }).await.map_err(|_| Lost)?;
        told.await.map_err(|_| Lost)?
    }
}

async fn serve<W: Together>(work: Arc<W>, mut receiver: mpsc::Receiver<Waiting<W>>) {
    let mut waiting: VecDeque<Waiting<W>> = VecDeque::new();
    loop {
        if waiting.is_empty() {
            let Some(first) = receiver.recv().await else { return };
            waiting.push_back(first);
        }
        while waiting.len() < WAITING_MAX
            && let Ok(next) = receiver.try_recv()
        {
            waiting.push_back(next);
        }
        let batch = next_batch(&mut waiting);
        for again in done(&work, batch).await.into_iter().rev() {
            waiting.push_front(again);
        }
    }
}

/// The first, and those of the same group that follow, in their order.
fn next_batch<W: Together>(waiting: &mut VecDeque<Waiting<W>>) -> Vec<Waiting<W>> {
    let Some(group) = waiting.front().map(|first| W::group(&first.ask)) else { return vec![] };
    let (mut batch, mut others) = (vec![], VecDeque::new());
    for next in waiting.drain(..) {
        if batch.len() < W::BATCH_MAX && W::group(&next.ask) == group {
            batch.push(next);
        } else {
            others.push_back(next);
        }
    }
    *waiting = others;
    batch
}

/// Answers those whose turn has come, and those who have to ask again.
async fn done<W: Together>(work: &Arc<W>, batch: Vec<Waiting<W>>) -> Vec<Waiting<W>> {
    let (asks, tells): (Vec<_>, Vec<_>) = batch.into_iter().map(|waiting| (waiting.ask, waiting.tell)).unzip();
    let (asks, outcome) = run(work, asks).await;
    let mut again = vec![];
    match outcome {
        Ok(answers) => {
            let mut answers = answers.into_iter();
            for (ask, tell) in asks.into_iter().zip(tells) {
                match answers.next() {
                    Some(Some(answer)) => drop(tell.send(Ok(answer))),
                    Some(None) => again.push(Waiting { ask, tell }),
                    None => drop(tell.send(Err(Lost.into()))),
                }
            }
        }
        Err(error) if asks.len() == 1 => {
            if let Some(tell) = tells.into_iter().next() {
                drop(tell.send(Err(error.unwrap_or_else(|| Lost.into()))));
            }
        }
        Err(_) => {
            let began_at = Instant::now();
            for (ask, tell) in asks.into_iter().zip(tells) {
                let is_late = began_at.elapsed() > SINGLY_MAX;
                drop(tell.send(if is_late { Err(Lost.into()) } else { alone(work, ask).await }));
            }
        }
    }
    again
}

async fn alone<W: Together>(work: &Arc<W>, ask: W::Ask) -> Outcome<W> {
    let (_, outcome) = run(work, vec![ask]).await;
    match outcome {
        Ok(answers) => answers.into_iter().flatten().next().ok_or_else(|| Lost.into()),
        Err(error) => Err(error.unwrap_or_else(|| Lost.into())),
    }
}

type Ran<W> = Result<Vec<Option<<W as Together>::Answer>>, Option<<W as Together>::Error>>;

/// In a task of its own: a panic ends the batch and not the loop.
async fn run<W: Together>(work: &Arc<W>, asks: Vec<W::Ask>) -> (Vec<W::Ask>, Ran<W>) {
    let asks = Arc::new(asks);
    let (work, given) = (Arc::clone(work), Arc::clone(&asks));
    let outcome = tokio::spawn(async move { work.run(&given).await }).await;
    let outcome = outcome.map_err(|_| None).and_then(|outcome| outcome.map_err(Some));
    (Arc::try_unwrap(asks).unwrap_or_default(), outcome)
}

#[cfg(test)]
#[path = "gather_tests.rs"]
mod tests;
