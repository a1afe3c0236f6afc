use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::World;

/// The steps of a search, to see how long its ways are.
#[derive(Debug, Default)]
pub struct Graph {
    /// From each state, by a name of 64 bits, to those that follow.
    steps: HashMap<u64, Vec<u64>>,
}

impl Graph {
    pub(super) fn note(&mut self, from: &World, to: &World) {
        self.steps.entry(name_of(from)).or_default().push(name_of(to));
    }

    /// How many steps there are.
    pub fn steps(&self) -> usize {
        self.steps.values().map(Vec::len).sum()
    }

    /// The longest way, in steps; `None` if one comes back to where it was.
    pub fn longest(&self) -> Option<usize> {
        // The longest way from each state, as far as it is known; on the way to it, it is not.
        let mut heights: HashMap<u64, Option<usize>> = HashMap::new();
        for start in self.steps.keys() {
            self.measure(*start, &mut heights)?;
        }
        heights.into_values().flatten().max().or(Some(0))
    }

    fn measure(&self, start: u64, heights: &mut HashMap<u64, Option<usize>>) -> Option<()> {
        let mut path = vec![(start, 0)];
        while let Some((state, at)) = path.last_mut() {
            let (state, next) = (*state, self.steps.get(state).and_then(|steps| steps.get(*at)));
            if *at == 0 && heights.get(&state).is_some_and(Option::is_some) {
                path.pop();
                continue;
            }
            match next {
                Some(next) => {
                    if *at == 0 {
                        heights.insert(state, None);
                    }
                    *at += 1;
                    match heights.get(next) {
                        Some(Some(_)) => {}
                        Some(None) => return None,
                        None => path.push((*next, 0)),
                    }
                }
                None => {
                    let steps = self.steps.get(&state).into_iter().flatten();
                    let height = steps.filter_map(|next| heights.get(next).copied().flatten()).max();
                    heights.insert(state, Some(height.map_or(0, |height| height + 1)));
                    path.pop();
                }
            }
        }
        Some(())
    }
}

fn name_of(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(steps: &[(u64, &[u64])]) -> Graph {
        Graph { steps: steps.iter().map(|(from, to)| (*from, to.to_vec())).collect() }
    }

    #[test]
    fn the_longest_way_is_found_and_so_is_a_circle() {
        assert_eq!(graph(&[]).longest(), Some(0));
        assert_eq!(graph(&[(1, &[2, 3]), (2, &[3]), (3, &[4]), (5, &[4])]).longest(), Some(3));
        assert_eq!(graph(&[(1, &[2]), (2, &[3, 1])]).longest(), None);
        assert_eq!(graph(&[(1, &[2]), (2, &[2])]).longest(), None);
    }
}
