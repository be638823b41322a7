/// The word whose turn it is at `n`.
pub(super) fn word(words: &[&'static str], n: i64) -> &'static str {
    words[n.unsigned_abs() as usize % words.len()]
}

/// Of many scripts, with quotes, combining characters and right-to-left letters: what a backup
/// brings back must be the same to the byte.
pub(super) const TITLES: [&str; 12] = [
    "Der Zug nach Övelgönne",
    "月の舟",
    "The Cartographer's Daughter",
    "Зимний маяк",
    "Ένα καλοκαίρι χωρίς θάλασσα",
    "L’été où rien n’arriva",
    "حكاية البحر",
    "O Cafe\u{301} da Esquina",
    "A \"quoted\" life; or, Robert'); DROP TABLE stories;--",
    "🧭 North of everything",
    "바람의 집",
    "Straße & Brücke <Teil 1>",
];

pub(super) const SUMMARIES: [&str; 5] = [
    "A letter arrives forty years late.",
    "Zwei Schwestern erben ein Lichtspielhaus.",
    "彼は海を見たことがなかった。",
    "Nobody in the village remembers the bridge.",
    "Un phare, un chien, 👩‍🚀 et une promesse.",
];

pub(super) const SENTENCES: [&str; 7] = [
    "The rain had stopped some hours before anybody noticed.",
    "Er zählte die Laternen und kam nie auf dieselbe Zahl.",
    "猫だけが真実を知っていた。",
    "She kept the key, though the door was long gone.",
    "Море молчало, и это было хуже бури.",
    "Nothing is as loud as a clock in an empty house.",
    "Il rit, puis se tut, puis rit encore.",
];

pub(super) const NAMES: [&str; 11] = [
    "Mara",
    "Jönsson",
    "Aiko 愛子",
    "Tobias",
    "Lucía",
    "Нина",
    "Kofi",
    "Zoë",
    "Pavel",
    "Ines",
    "Σοφία",
];

pub(super) const REMARKS: [&str; 6] = [
    "I did not see that coming.",
    "Wunderschön geschrieben!",
    "続きが気になります 😭",
    "Is the lighthouse keeper the same as in chapter one?",
    "Спасибо!",
    "+1 ❤️",
];

pub(super) const TAGS: [&str; 8] = [
    "mystery",
    "liebe",
    "海",
    "история",
    "short",
    "été",
    "humour",
    "🚂",
];

pub(super) const ACTIONS: [&str; 5] = [
    "signed in",
    "began a story",
    "added a chapter",
    "commented",
    "made a report",
];
