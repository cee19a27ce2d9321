#!/usr/bin/env python3
"""Tests of what could be wrong without a sign: figures and splits. Needs: numpy."""

import math
import unittest

import numpy as np

import figures
import splits


class Similarity(unittest.TestCase):
    def test_direction_and_length_count(self):
        of = lambda a, b: figures.similarity(np.array(a, np.float32), np.array(b, np.float32))
        self.assertEqual(of([3, 4], [3, 4]), 1.0)
        self.assertAlmostEqual(of([1, 0], [0, 1]), 0.0)
        self.assertAlmostEqual(of([10, 0], [11, 0]), 0.995)
        self.assertAlmostEqual(of([1, 0], [1, 0.1]), min(1 / math.sqrt(1.01), 1 - 0.01 / 2))
        self.assertEqual([of([1], [1e9]), of([0], [1]), of([1], [0]), of([0], [0])], [-1.0, 0.0, 0.0, 1.0])

    def test_what_is_not_finite_has_to_be_so_in_both(self):
        of = lambda a, b: figures.similarity(np.array(a, np.float32), np.array(b, np.float32))
        nan, infinity = float("nan"), float("inf")
        self.assertEqual([of([nan, 1], [nan, 1]), of([nan, 1], [0, 1]), of([infinity], [-infinity])], [1.0, 0.0, 0.0])
        self.assertEqual(of([1, 1], [nan, 1]), 0.0)

    def test_other_kinds_are_not_alike(self):
        self.assertEqual(figures.similarity(np.ones(2, np.float32), np.ones(2, np.float64)), 0.0)
        self.assertEqual(figures.similarity(np.ones((1, 2)), np.ones(2)), 0.0)


class Answers(unittest.TestCase):
    def text(self, best, classes=4):
        return figures.greedy_text(np.eye(classes)[best])

    def test_a_label_counts_once_until_a_blank(self):
        self.assertEqual(self.text([0, 1, 1, 0, 1, 2, 2, 0, 3]), [1, 1, 2, 3])
        self.assertEqual(self.text([2, 2, 2]), [2])
        self.assertEqual(self.text([0, 0]), [])

    def test_padding_is_not_part_of_a_sentence(self):
        hidden = np.array([[[3.0, 0.0], [0.0, 3.0], [100.0, 7.0]]])
        self.assertTrue(np.allclose(figures.embedding(hidden, [[1, 1, 0]]), [[math.sqrt(0.5)] * 2]))

    def test_agreement_is_of_answers(self):
        scores = lambda *values: [[np.array([values])]]
        of = lambda task, a, b: figures.accuracy(task, scores(*a), scores(*b), [{}])["task_percent"]
        self.assertEqual(of("cls", [0.9, 0.1], [0.6, 0.4]), 100.0)
        self.assertEqual(of("magika", [0.9, 0.1], [0.4, 0.6]), 0.0)
        self.assertEqual([of("silero", [0.51], [0.9]), of("silero", [0.51], [0.49])], [100.0, 0.0])

    def test_figures_are_of_all_samples_and_outputs(self):
        one, longer = np.array([10.0, 0.0]), np.array([11.0, 0.0])
        found = figures.accuracy("cls", [[one, one], [one, one]], [[one, longer], [one, one]], [{}, {}])
        self.assertAlmostEqual(found["mean_cosine"], 1 - 0.005 / 4)
        self.assertAlmostEqual(found["min_cosine"], 0.995)

    def test_a_missing_output_is_an_error(self):
        with self.assertRaises(ValueError):
            figures.accuracy("cls", [[np.ones(2), np.ones(2)]], [[np.ones(2)]], [{}])


class Splits(unittest.TestCase):
    def test_parts_have_nothing_in_common(self):
        made = [{"x": np.array([number // 3])} for number in range(3 * (splits.SAMPLES + 5))]
        samples, held_out = splits.divide(made, 5)
        keys = [splits.digest(arrays) for arrays in samples + held_out]
        self.assertEqual((len(samples), len(held_out), len(set(keys))), (splits.SAMPLES, 5, splits.SAMPLES + 5))

    def test_too_little_is_an_error(self):
        with self.assertRaises(ValueError):
            splits.divide([{"x": np.zeros(1)}] * 1000, 5)

    def test_the_order_is_the_same_every_time(self):
        self.assertEqual(splits.shuffled("cabcd"), splits.shuffled("dcba"))


if __name__ == "__main__":
    unittest.main()
