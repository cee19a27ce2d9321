#!/usr/bin/env python3
"""Finds speech in a WAV file with the Silero model and plain ONNX Runtime.

usage: voice_activity.py MODEL.onnx SPEECH.wav       Prints a line with start and end in seconds for each segment.
"""
import sys
import wave

import numpy as np
import onnxruntime

RATE, PIECE, CONTEXT = 16000, 512, 64
BEGIN, END, SHORTEST_SPEECH, SHORTEST_SILENCE = 0.5, 0.35, 0.25, 0.1


def probabilities(model, samples):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    state, context = np.zeros((2, 1, 128), np.float32), np.zeros(CONTEXT, np.float32)
    samples = np.pad(samples, (0, -len(samples) % PIECE))
    for piece in samples.reshape(-1, PIECE):
        fed = np.concatenate([context, piece])
        inputs = {"input": fed[None], "state": state, "sr": np.array(RATE, np.int64)}
        probability, state = session.run(["output", "stateN"], inputs)
        context = fed[-CONTEXT:]
        yield float(probability[0, 0])


def segments(values):
    seconds = PIECE / RATE
    start = silence = None
    for at, value in enumerate([*values, None]):
        now = at * seconds
        if value is None:
            if start is not None:
                yield start, now if silence is None else silence
        elif value >= BEGIN:
            start, silence = now if start is None else start, None
        elif start is not None and value < END:
            silence = now if silence is None else silence
            if now + seconds - silence >= SHORTEST_SILENCE:
                yield start, silence
                start = silence = None


with wave.open(sys.argv[2]) as file:
    samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
for start, end in segments(probabilities(sys.argv[1], samples)):
    if end - start >= SHORTEST_SPEECH:
        print(f"{start:.2f} {end:.2f}")
