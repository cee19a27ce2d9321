"""Windows of synthetic speech with the state that the original model had at each."""

import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
import onnxruntime

from splits import SEED

RATE, WINDOW, CONTEXT = 16_000, 512, 64
# Of a stream's windows, so many are kept: neighbours are much alike.
ONE_OF = 3
VOICES = ("en", "en+f3", "en-us+m4", "de", "fr+f2")


def spoken(text, voice):
    """What espeak-ng makes of a text, at 16 kHz, with pauses around and some noise."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-w", path, "--", text], check=True, stdin=subprocess.DEVNULL)
        with wave.open(str(path)) as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768.0
    count = len(samples) * RATE // rate
    return np.interp(np.arange(count) * (rate / RATE), np.arange(len(samples)), samples)


def windows(model, texts):
    """The inputs of the model for windows of streams, one for each text."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(SEED)
    for number, text in enumerate(texts):
        pause = np.zeros(RATE * 2 // 5)
        sound = np.concatenate([pause, spoken(text, VOICES[number % len(VOICES)]), pause])
        sound = (sound + random.normal(0, 10 ** random.uniform(-4, -2), len(sound))).astype(np.float32)
        state = np.zeros((2, 1, 128), np.float32)
        context = np.zeros(CONTEXT, np.float32)
        for at in range(len(sound) // WINDOW):
            window = sound[at * WINDOW : (at + 1) * WINDOW]
            fed = {"input": np.concatenate([context, window])[None], "state": state, "sr": np.array(RATE, np.int64)}
            _, state = session.run(None, fed)
            context = window[-CONTEXT:]
            if at % ONE_OF == 0:
                yield fed
