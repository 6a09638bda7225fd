//! What is going to happen in virtual time, earliest first, ties in the order of arrival.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

pub(super) struct Agenda<T> {
    heap: BinaryHeap<Reverse<(Duration, usize)>>,
    happenings: Vec<Option<T>>,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), happenings: Vec::new() }
    }
}

impl<T> Agenda<T> {
    pub(super) fn push(&mut self, at: Duration, happening: T) {
        self.heap.push(Reverse((at, self.happenings.len())));
        self.happenings.push(Some(happening));
    }

    pub(super) fn pop(&mut self) -> Option<(Duration, T)> {
        let Reverse((at, index)) = self.heap.pop()?;
        Some((at, self.happenings[index].take()?))
    }
}
