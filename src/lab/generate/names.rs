//! Invented domain names: pronounceable, distinct by construction, under top-level domains that exist.

/// The top-level (and second-level) domains of a made world; frequent ones stand there more than once.
const UNDER: [&str; 40] = [
    "com", "com", "com", "com", "com", "com", "com", "com", "com", "com", "com", "com", "com",
    "com", "com", "com", "net", "net", "net", "org", "org", "de", "de", "de", "co.uk", "co.uk",
    "fr", "it", "es", "nl", "ru", "ru", "pl", "com.br", "com.au", "co.jp", "in", "ca", "edu",
    "info",
];

const CONSONANTS: &[u8; 21] = b"bcdfghjklmnpqrstvwxyz";
const VOWELS: &[u8; 5] = b"aeiou";
const SYLLABLES: u64 = 105;

/// The name of a domain of the world by its rank: three syllables, up to rank 1,157,624.
pub fn ranked(rank: u64) -> String {
    name(rank, 3)
}

/// The name of a domain outside the world: four syllables, which no ranked name has.
pub fn outside(number: u64) -> String {
    name(number, 4)
}

fn name(number: u64, syllables: u32) -> String {
    let space = SYLLABLES.pow(syllables);
    // Times a number without common divisors, neighbours get names that are far apart, and none falls on another.
    let mut rest = (number % space) * 48_271 % space;
    let mut name = String::with_capacity(16);
    for _ in 0..syllables {
        let syllable = (rest % SYLLABLES) as usize;
        name.push(char::from(CONSONANTS[syllable / VOWELS.len()]));
        name.push(char::from(VOWELS[syllable % VOWELS.len()]));
        rest /= SYLLABLES;
    }
    name.push('.');
    name.push_str(UNDER[(number % UNDER.len() as u64) as usize]);
    name
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_distinct() {
        let ranked: HashSet<String> = (0..200_000).map(ranked).collect();
        assert_eq!(ranked.len(), 200_000);
        // The syllables alone are distinct already.
        let stems: HashSet<&str> = ranked.iter().map(|name| &name[..6]).collect();
        assert_eq!(stems.len(), 200_000);
        let outside: HashSet<String> = (0..200_000).map(outside).collect();
        assert_eq!(outside.len(), 200_000);
        assert!(ranked.is_disjoint(&outside));
    }
}
