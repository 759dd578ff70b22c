//! Many short texts in one piece: a million names cost their letters and eight bytes each.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// Texts by number.
#[derive(Debug, Default)]
pub struct Words {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Words {
    /// Adds a text behind the last.
    pub fn push(&mut self, word: &str) {
        self.text.push_str(word);
        self.ends.push(self.text.len());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// A text; empty beyond the last.
    pub fn get(&self, number: usize) -> &str {
        let Some(&end) = self.ends.get(number) else {
            return "";
        };
        let begin = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[begin..end]
    }
}

/// Distinct texts: each has the number at which it came first.
#[derive(Debug, Default)]
pub struct DistinctTexts {
    words: Words,
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl DistinctTexts {
    /// Makes room for so many.
    pub fn reserve(&mut self, more: usize) {
        let Self {
            words,
            numbers,
            hasher,
        } = self;
        numbers.reserve(more, |&number| hasher.hash_one(words.get(number as usize)));
    }

    /// The number of a text, which is added if it is new.
    pub fn number(&mut self, word: &str) -> u32 {
        let Self {
            words,
            numbers,
            hasher,
        } = self;
        let hash = |word: &str| hasher.hash_one(word);
        let wanted = hash(word);
        if let Some(&known) = numbers.find(wanted, |&number| words.get(number as usize) == word) {
            return known;
        }
        let number = words.len() as u32;
        words.push(word);
        numbers.insert_unique(wanted, number, |&number| hash(words.get(number as usize)));
        number
    }

    /// The texts by number.
    pub fn words(&self) -> &Words {
        &self.words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number() {
        let mut distinct = DistinctTexts::default();
        let texts: Vec<String> = (0..1000).map(|at| format!("name{}", at % 300)).collect();
        let numbers: Vec<u32> = texts.iter().map(|text| distinct.number(text)).collect();
        assert_eq!(distinct.number(""), 300);
        assert_eq!(distinct.words().len(), 301);
        for (text, number) in texts.iter().zip(numbers) {
            assert_eq!(distinct.words().get(number as usize), text);
        }
        assert_eq!(distinct.words().get(300), "");
        assert_eq!(distinct.words().get(301), "");
        assert!(Words::default().is_empty());
    }
}
