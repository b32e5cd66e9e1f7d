//! Gives as many as can be a place that fits them, at the least cost: a maximum matching, found by cheapest augmenting paths. Whoever comes
//! first in the list never loses a place to somebody later, but may get another one that fits.

use std::collections::VecDeque;

/// What it costs a request to get a place; none where it does not fit.
pub type Cost = Option<i64>;

/// Answers the index of each request's place. `costs` has a row for each request with a column for each place; `rooms` says how many a
/// place can take.
pub fn best_fit(costs: &[Vec<Cost>], rooms: &[u32]) -> Vec<Option<usize>> {
    let mut matching = Matching { costs, rooms, given: vec![None; costs.len()], holders: vec![vec![]; rooms.len()] };
    for request in 0..costs.len() {
        matching.add(request);
    }
    matching.given
}

struct Matching<'a> {
    costs: &'a [Vec<Cost>],
    rooms: &'a [u32],
    /// The place of each request.
    given: Vec<Option<usize>>,
    /// The requests in each place.
    holders: Vec<Vec<usize>>,
}

/// How a place is reached most cheaply from a request that has none: what it costs, and who has to go there.
#[derive(Clone, Copy)]
struct Reached {
    cost: i64,
    by: usize,
}

impl Matching<'_> {
    fn cost(&self, request: usize, place: usize) -> Cost {
        self.costs.get(request).and_then(|row| row.get(place)).copied().flatten()
    }

    fn has_room(&self, place: usize) -> bool {
        let room = self.rooms.get(place).map_or(0, |room| usize::try_from(*room).unwrap_or(usize::MAX));
        self.holders.get(place).is_some_and(|holders| holders.len() < room)
    }

    /// Finds a place for one more, moving others about where that is the only or the cheapest way.
    fn add(&mut self, request: usize) {
        let reached = self.reach(request);
        let open = (0..self.rooms.len()).filter(|place| self.has_room(*place));
        let cheapest = open.filter_map(|place| Some((reached.get(place).copied().flatten()?.cost, place))).min();
        let mut next = cheapest.map(|(_, place)| place);
        while let Some(place) = next {
            let Some(Some(Reached { by, .. })) = reached.get(place).copied() else { return };
            next = self.move_to(by, place);
        }
    }

    /// Answers the place that was left.
    fn move_to(&mut self, request: usize, place: usize) -> Option<usize> {
        let left = self.given.get_mut(request).and_then(|given| given.replace(place));
        if let Some(holders) = left.and_then(|left| self.holders.get_mut(left)) {
            holders.retain(|holder| *holder != request);
        }
        if let Some(holders) = self.holders.get_mut(place) {
            holders.push(request);
        }
        left
    }

    /// Cheapest ways to every place. What is matched so far is as cheap as can be, so that no way becomes cheaper by going in a circle.
    fn reach(&self, request: usize) -> Vec<Option<Reached>> {
        let mut reached: Vec<Option<Reached>> = vec![None; self.rooms.len()];
        let mut waiting = VecDeque::from([(request, 0)]);
        while let Some((by, so_far)) = waiting.pop_front() {
            for place in 0..self.rooms.len() {
                let Some(step) = self.cost(by, place) else { continue };
                let cost = so_far + step;
                let is_better = reached.get(place).copied().flatten().is_none_or(|known| cost < known.cost);
                if !is_better || self.given.get(by).copied().flatten() == Some(place) {
                    continue;
                }
                if let Some(known) = reached.get_mut(place) {
                    *known = Some(Reached { cost, by });
                }
                if self.has_room(place) {
                    continue;
                }
                for holder in self.holders.get(place).into_iter().flatten() {
                    let back = self.cost(*holder, place).unwrap_or_default();
                    waiting.push_back((*holder, cost - back));
                }
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

    use super::*;

    /// Places that can be used for some colours, and requests for one each.
    fn fit(requests: &[&str], sessions: &[&[&str]]) -> Vec<Option<usize>> {
        let cost = |request: &&str| sessions.iter().map(|colours| colours.contains(request).then_some(0)).collect();
        best_fit(&requests.iter().map(cost).collect::<Vec<_>>(), &vec![1; sessions.len()])
    }

    #[test]
    fn sc_01_three_sessions_hold_blue_orange_and_blue_in_whatever_order_they_come() {
        let sessions: [&[&str]; 3] = [&["Green", "Blue"], &["Green", "Orange"], &["Orange", "Blue"]];
        for requests in [["Blue", "Orange", "Blue"], ["Orange", "Blue", "Blue"], ["Blue", "Blue", "Orange"]] {
            let placed = fit(&requests, &sessions);
            let mut taken: Vec<usize> = placed.iter().copied().flatten().collect();
            taken.sort_unstable();
            assert_eq!(taken, [0, 1, 2], "{requests:?}: {placed:?}");
            for (request, place) in requests.iter().zip(&placed) {
                assert!(sessions[place.unwrap()].contains(request));
            }
        }
        // Whoever takes the first that fits loses one: Orange goes to the third session, and no Blue is left a place.
        let sessions: [&[&str]; 3] = [&["Orange", "Blue"], &["Green", "Orange"], &["Green", "Blue"]];
        assert_eq!(fit(&["Orange", "Blue", "Blue"], &sessions).iter().flatten().count(), 3);
        assert_eq!(fit(&["Blue", "Blue", "Blue"], &sessions).iter().flatten().count(), 2);
        assert_eq!(fit(&["Blue"], &[]), [None]);
    }

    /// The most that can be placed, and what that costs at least, by trying everything.
    fn by_trying(costs: &[Vec<Cost>], rooms: &mut [u32]) -> (usize, i64) {
        let Some((first, rest)) = costs.split_first() else { return (0, 0) };
        let mut best = by_trying(rest, rooms);
        for (place, cost) in first.iter().enumerate() {
            let Some(cost) = cost.filter(|_| rooms[place] > 0) else { continue };
            rooms[place] -= 1;
            let (count, total) = by_trying(rest, rooms);
            rooms[place] += 1;
            let (count, total) = (count + 1, total + cost);
            if count > best.0 || (count == best.0 && total < best.1) {
                best = (count, total);
            }
        }
        best
    }

    #[test]
    fn sc_01_as_many_as_can_be_are_placed_and_nobody_could_be_placed_better() {
        let mut random = StdRng::seed_from_u64(1);
        for round in 0..2_000 {
            let (wishes, offers) = (random.random_range(0..=5), random.random_range(0..=4));
            let rooms: Vec<u32> = (0..offers).map(|_| random.random_range(0..=2)).collect();
            let mut cost = || random.random_bool(0.5).then(|| random.random_range(0..20));
            let costs: Vec<Vec<Cost>> = (0..wishes).map(|_| (0..offers).map(|_| cost()).collect()).collect();
            let placed = best_fit(&costs, &rooms);
            for (place, room) in rooms.iter().enumerate() {
                let there = placed.iter().filter(|given| **given == Some(place)).count();
                assert!(there <= usize::try_from(*room).unwrap(), "round {round}: more than there is room for");
            }
            let given = placed.iter().zip(&costs).filter_map(|(place, row)| place.map(|place| row[place].unwrap()));
            let found: Vec<i64> = given.collect();
            let (most, least) = by_trying(&costs, &mut rooms.clone());
            assert_eq!(found.len(), most, "round {round}: {costs:?} {rooms:?}");
            // Those who could not be placed came later; of those who were, nobody could be placed better.
            let chosen: Vec<Vec<Cost>> =
                costs.iter().zip(&placed).filter(|(_, place)| place.is_some()).map(|(row, _)| row.clone()).collect();
            assert_eq!(found.iter().sum::<i64>(), by_trying(&chosen, &mut rooms.clone()).1, "round {round}");
            assert!(found.iter().sum::<i64>() >= least);
        }
    }
}
