//! Everything random in a world comes from here, so that its seed repeats it.

use std::sync::Mutex;
use std::sync::PoisonError;

use motcua_node::store::Random;
use motcua_node::store::StoreError;

/// A small generator, good enough to choose faults with.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The same seed gives the same draws.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// The next 64 bits.
    pub const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from 0 to `bound - 1`; 0 for a bound of 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.draw() % bound }
    }

    /// Whether something happens that happens so many times in a hundred.
    pub const fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of several, or `None` of none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let place = usize::try_from(self.below(from.len() as u64)).unwrap_or(0);
        from.get(place)
    }

    /// A place in a list of this length; 0 for an empty one.
    pub fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }
}

/// The random source of one process: no two processes of a world draw the same bytes.
#[derive(Debug)]
pub struct SeededRandom {
    chance: Mutex<Chance>,
    /// What the name of the last boot was drawn as, and whether that of the next one is the same.
    boot: Mutex<([u8; BOOT_BYTES], bool)>,
}

/// So many bytes are drawn for a boot's name and for nothing else.
const BOOT_BYTES: usize = 12;

impl SeededRandom {
    /// A source of its own for one process.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { chance: Mutex::new(Chance::new(seed)), boot: Mutex::new(([0; BOOT_BYTES], false)) }
    }

    /// From now on other bytes than before.
    pub fn reseed(&self, seed: u64) {
        *self.chance.lock().unwrap_or_else(PoisonError::into_inner) = Chance::new(seed);
    }

    /// From now on every boot has the name of the last one: the mistake of
    /// [`Mistake::ReissueKeepsBoot`](crate::faults::planted::Mistake::ReissueKeepsBoot).
    pub fn keep_boot(&self) {
        self.boot.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), StoreError> {
        let mut boot = self.boot.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() == BOOT_BYTES && boot.1 {
            bytes.copy_from_slice(&boot.0);
            return Ok(());
        }
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            let drawn = chance.draw().to_le_bytes();
            for (byte, random) in chunk.iter_mut().zip(drawn) {
                *byte = random;
            }
        }
        if let Ok(name) = <[u8; BOOT_BYTES]>::try_from(&*bytes) {
            boot.0 = name;
        }
        Ok(())
    }
}
