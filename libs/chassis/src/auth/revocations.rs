//! Tokens that were taken back before their time: a small set in memory, as long as such a token could still be good.

use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;
use types::caller::Party;

use super::claims::Claims;

/// Longest life of an access token, and how far clocks may differ on top: after that a revocation has done its work.
const KEPT_FOR: TimeDelta = TimeDelta::seconds(300 + 60);
/// More than a city revokes in six minutes. Beyond it the oldest are replaced by a rule that is stricter, never laxer.
const KEPT_MAX: usize = 100_000;

/// Which tokens are taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoked {
    /// The one with this `jti`, and those narrowed from it.
    Token(String),
    /// Those in which the party is on whose behalf or who acts.
    Party(Party),
    /// Those that this client obtained.
    Client(String),
}

/// One revocation, as identity numbers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    pub id: String,
    pub revision: i64,
    pub of: Revoked,
    /// Tokens issued until then are taken back.
    pub revoked_at: DateTime<Utc>,
}

/// What of a token a revocation can be about.
#[derive(Debug, Clone)]
pub(super) struct Traits {
    /// Its own and those of the tokens it was narrowed from.
    token_ids: Vec<String>,
    parties: Vec<Party>,
    client_id: Option<String>,
    issued_at: DateTime<Utc>,
}

impl Traits {
    pub(super) fn of(claims: &Claims) -> Option<Self> {
        let actors = claims.actors().map(|actor| actor.sub.clone());
        let others = claims.aka.iter().map(|id| Party::Resident(*id));
        Some(Self {
            token_ids: std::iter::once(&claims.jti).chain(&claims.via).cloned().collect(),
            parties: std::iter::once(claims.sub.clone()).chain(others).chain(actors).collect(),
            client_id: claims.client_id.clone(),
            issued_at: claims.issued_at()?,
        })
    }
}

/// The set. Read on every call, written when something is revoked.
#[derive(Debug)]
pub struct Revocations {
    kept: RwLock<Kept>,
    /// Up to which revision everything is known; `None` until somebody told.
    known: watch::Sender<Option<i64>>,
    kept_max: usize,
}

#[derive(Debug, Default)]
struct Kept {
    by_revision: BTreeMap<i64, Revocation>,
    tokens: HashMap<String, i64>,
    /// The latest of each.
    parties: HashMap<Party, DateTime<Utc>>,
    clients: HashMap<String, DateTime<Utc>>,
    /// Every token issued until then is refused: what was known in particular did not fit.
    all_until: Option<DateTime<Utc>>,
}

impl Default for Revocations {
    fn default() -> Self {
        Self::holding(KEPT_MAX)
    }
}

impl Revocations {
    fn holding(kept_max: usize) -> Self {
        Self { kept: RwLock::default(), known: watch::Sender::new(None), kept_max }
    }

    /// Takes note of revocations, after which everything up to `revision` is known; forgets those whose tokens have lapsed.
    pub fn learn(&self, revocations: impl IntoIterator<Item = Revocation>, revision: i64, now: DateTime<Utc>) {
        {
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            for revocation in revocations {
                kept.insert(revocation);
            }
            kept.forget(now - KEPT_FOR, self.kept_max);
        }
        self.known.send_if_modified(|known| {
            let is_news = known.is_none_or(|known| known < revision);
            if is_news {
                *known = Some(revision);
            }
            is_news
        });
    }

    /// Up to which revision everything is known; `None` if nothing is known yet. Changes when something was revoked.
    pub fn known(&self) -> watch::Receiver<Option<i64>> {
        self.known.subscribe()
    }

    /// The first revocations after a revision, in order.
    pub fn after(&self, revision: i64, max: usize) -> Vec<Revocation> {
        let later = revision.saturating_add(1);
        self.read().by_revision.range(later..).take(max).map(|(_, revocation)| revocation.clone()).collect()
    }

    pub(super) fn cover(&self, token: &Traits) -> bool {
        self.read().cover(token)
    }

    fn read(&self) -> RwLockReadGuard<'_, Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn insert(&mut self, revocation: Revocation) {
        let until = revocation.revoked_at;
        let latest = |known: &mut DateTime<Utc>| *known = until.max(*known);
        match revocation.of.clone() {
            Revoked::Token(id) => {
                self.tokens.insert(id, revocation.revision);
            }
            Revoked::Party(party) => {
                self.parties.entry(party).and_modify(latest).or_insert(until);
            }
            Revoked::Client(id) => {
                self.clients.entry(id).and_modify(latest).or_insert(until);
            }
        }
        self.by_revision.insert(revocation.revision, revocation);
    }

    fn forget(&mut self, before: DateTime<Utc>, kept_max: usize) {
        while let Some(oldest) = self.by_revision.first_entry() {
            let is_over = oldest.get().revoked_at < before;
            let is_too_many = self.by_revision.len() > kept_max;
            if !is_over && !is_too_many {
                break;
            }
            let Some((revision, dropped)) = self.by_revision.pop_first() else { break };
            if !is_over {
                self.all_until = self.all_until.max(Some(dropped.revoked_at));
            }
            self.drop_if_last(revision, &dropped);
        }
        self.all_until = self.all_until.filter(|until| *until >= before);
    }

    /// A later revocation of the same goes on.
    fn drop_if_last(&mut self, revision: i64, dropped: &Revocation) {
        match &dropped.of {
            Revoked::Token(id) if self.tokens.get(id) == Some(&revision) => {
                self.tokens.remove(id);
            }
            Revoked::Party(party) if self.parties.get(party) == Some(&dropped.revoked_at) => {
                self.parties.remove(party);
            }
            Revoked::Client(id) if self.clients.get(id) == Some(&dropped.revoked_at) => {
                self.clients.remove(id);
            }
            _ => {}
        }
    }

    fn cover(&self, token: &Traits) -> bool {
        // Almost always: nothing was revoked in the last minutes.
        if self.by_revision.is_empty() && self.all_until.is_none() {
            return false;
        }
        let reaches = |until: &DateTime<Utc>| token.issued_at <= *until;
        token.token_ids.iter().any(|id| self.tokens.contains_key(id))
            || token.parties.iter().any(|party| self.parties.get(party).is_some_and(reaches))
            || token.client_id.as_ref().is_some_and(|id| self.clients.get(id).is_some_and(reaches))
            || self.all_until.as_ref().is_some_and(reaches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn revocation(revision: i64, of: Revoked, seconds: i64) -> Revocation {
        Revocation { id: revision.to_string(), revision, of, revoked_at: at(seconds) }
    }

    fn client(name: &str) -> Party {
        Party::Client(name.to_owned())
    }

    fn token(id: &str, issued: i64) -> Traits {
        Traits {
            token_ids: vec![id.to_owned()],
            parties: vec![client("resident"), client("worker")],
            client_id: Some("app".to_owned()),
            issued_at: at(issued),
        }
    }

    #[test]
    fn id_07_a_revocation_takes_back_what_was_issued_until_then() {
        let cases = [
            (Revoked::Token("t".to_owned()), token("t", 5), token("u", 5)),
            (Revoked::Party(client("worker")), token("t", 10), token("t", 11)),
            (Revoked::Client("app".to_owned()), token("t", 10), token("t", 11)),
        ];
        for (of, taken, kept) in cases {
            let set = Revocations::default();
            set.learn([revocation(1, of.clone(), 10)], 1, at(10));
            assert!(set.cover(&taken) && !set.cover(&kept), "{of:?}");
        }
    }

    #[test]
    fn id_07_what_was_narrowed_from_a_token_is_taken_back_with_it_and_not_the_other_way_round() {
        let set = Revocations::default();
        set.learn([revocation(1, Revoked::Token("middle".to_owned()), 10)], 1, at(10));
        let narrowed =
            |ids: &[&str]| Traits { token_ids: ids.iter().map(ToString::to_string).collect(), ..token("", 5) };
        assert!(set.cover(&narrowed(&["last", "first", "middle"])) && set.cover(&narrowed(&["middle", "first"])));
        assert!(!set.cover(&narrowed(&["first"])) && !set.cover(&narrowed(&["another", "first"])));
    }

    #[test]
    fn id_07_a_revocation_is_forgotten_when_its_tokens_have_lapsed() {
        let set = Revocations::default();
        set.learn([revocation(1, Revoked::Party(client("worker")), 10)], 1, at(10));
        set.learn([revocation(2, Revoked::Party(client("worker")), 100)], 2, at(100));
        set.learn([], 2, at(100) + KEPT_FOR);
        assert_eq!(set.after(0, 10).len(), 1);
        assert!(set.cover(&token("t", 100)), "a later one of the same party goes on");
        set.learn([], 2, at(101) + KEPT_FOR);
        assert!(set.after(0, 10).is_empty() && !set.cover(&token("t", 100)));
        assert_eq!(*set.known().borrow(), Some(2));
    }

    #[test]
    fn id_07_what_does_not_fit_is_refused_rather_than_let_in() {
        let set = Revocations::holding(2);
        let flood = (1..=5).map(|n| revocation(n, Revoked::Token(n.to_string()), n));
        set.learn(flood, 5, at(5));
        assert_eq!(set.after(0, 10).len(), 2);
        for id in ["1", "2", "3", "4", "5"] {
            assert!(set.cover(&token(id, 1)), "{id}");
        }
        assert!(!set.cover(&token("6", 4)), "what was issued since is good");
    }

    #[test]
    fn whoever_follows_gets_each_once_and_in_order() {
        let set = Revocations::default();
        let known = set.known();
        assert_eq!(*known.borrow(), None);
        set.learn((1..=3).map(|n| revocation(n, Revoked::Token(n.to_string()), n)), 3, at(3));
        assert!(known.has_changed().unwrap());
        let revisions = |after| set.after(after, 2).iter().map(|each| each.revision).collect::<Vec<_>>();
        assert_eq!((revisions(0), revisions(2), revisions(3)), (vec![1, 2], vec![3], vec![]));
    }
}
