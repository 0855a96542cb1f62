"""bp2p (Miao et al.) § 5.2: a model that a team hands on, member by member."""
