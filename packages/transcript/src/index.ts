export { connectTo } from "./connection.ts";
export { describeTranscripts, type TranscriptServer } from "./describe-transcripts.ts";
export { type PlayOptions, playTranscript } from "./play-transcript.ts";
export {
  parseTranscript,
  type Step,
  type Transcript,
  TranscriptSyntaxError,
} from "./transcript.ts";
export { TranscriptMismatch } from "./transcript-mismatch.ts";
