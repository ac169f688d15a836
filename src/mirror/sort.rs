//! Sorting by an order that is asked for, in little code: the library's sorts are made anew for
//! each type and order, and are large.

/// Sorts `list`; `is_less` says which of two comes first. Where it is asked nothing sensible, the
/// order is none, but nothing is lost.
pub fn sort(list: &mut [u32], is_less: &dyn Fn(u32, u32) -> bool) {
    const SHORT: usize = 16;
    if list.is_sorted_by(|first, second| !is_less(*second, *first)) {
        return;
    }
    if list.len() <= SHORT {
        insert(list, is_less);
    } else {
        heap(list, is_less);
    }
}

fn insert(list: &mut [u32], is_less: &dyn Fn(u32, u32) -> bool) {
    for end in 1..list.len() {
        for place in (1..=end).rev() {
            match list.get_mut(place - 1..=place) {
                Some([first, second]) if is_less(*second, *first) => {
                    core::mem::swap(first, second);
                }
                _ => break,
            }
        }
    }
}

fn heap(list: &mut [u32], is_less: &dyn Fn(u32, u32) -> bool) {
    for place in (0..list.len() / 2).rev() {
        sink(list, place, is_less);
    }
    for end in (1..list.len()).rev() {
        list.swap(0, end);
        sink(list.get_mut(..end).unwrap_or_default(), 0, is_less);
    }
}

/// Lets what stands at `place` of a heap sink to where it belongs.
fn sink(heap: &mut [u32], mut place: usize, is_less: &dyn Fn(u32, u32) -> bool) {
    let Some(sinking) = heap.get(place).copied() else {
        return;
    };
    loop {
        let mut child = 2 * place + 1;
        let Some(mut largest) = heap.get(child).copied() else {
            break;
        };
        if let Some(other) = heap.get(child + 1).copied()
            && is_less(largest, other)
        {
            (child, largest) = (child + 1, other);
        }
        if !is_less(sinking, largest) {
            break;
        }
        set(heap, place, largest);
        place = child;
    }
    set(heap, place, sinking);
}

fn set(list: &mut [u32], place: usize, value: u32) {
    if let Some(slot) = list.get_mut(place) {
        *slot = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Random;

    #[test]
    fn lists_of_every_length_are_sorted() {
        let mut draws = Random::new(1);
        for length in (0..70).chain([1_000]) {
            for most in [3, 1 << 20] {
                let mut list: Vec<u32> = (0..length)
                    .map(|_| draws.next_u64() as u32 % most)
                    .collect();
                let mut expected = list.clone();
                expected.sort_unstable();
                sort(&mut list, &|first, second| first < second);
                assert_eq!(list, expected);
            }
        }
    }

    #[test]
    fn the_order_is_asked_for_no_more_often_than_a_heap_needs() {
        const LENGTH: u32 = 30_000;
        let organ_pipes = |place: u32| place.min(LENGTH - place);
        let patterns: [fn(u32) -> u32; 4] = [
            |_| 7,
            |place| place,
            |place| LENGTH - place,
            |place| place % 64,
        ];
        for pattern in patterns.into_iter().chain([organ_pipes as fn(u32) -> u32]) {
            let mut list: Vec<u32> = (0..LENGTH).map(pattern).collect();
            let asked = std::cell::Cell::new(0_u32);
            sort(&mut list, &|first, second| {
                asked.set(asked.get() + 1);
                first < second
            });
            assert!(list.is_sorted());
            assert!(asked.get() < 2 * 15 * LENGTH, "{}", asked.get());
        }
    }
}
