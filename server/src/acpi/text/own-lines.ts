// Lines of ours. They stand in comments, so that iasl skips them, and carry what its text has no words for:
//   //doorbell Bytes : 00 1F          bytes in no field, at this place
//   //doorbell Body ends : 0020       the structure has no more fields: later revisions brought them
//   //doorbell Flags : 00000001       a field that iasl does not know
//   Checksum : 55  //doorbell as written      the value is not computed, nor set to zero
//   Oem ID : "A "  //doorbell bytes 41 00     the bytes of a value that strings cannot say
import type { Field } from '../layout/field';

export const ownBytesLabel = 'Bytes';
export const bodyEndsLabel = 'Body ends';

/** Bytes that no field has, written by a line of ours. */
export const ownBytes: Field = {
  name: 'ownBytes',
  label: ownBytesLabel,
  size: 0,
  kind: 'bytes',
  meaning: 'Bytes in no field. iasl’s text has no words for them; its compiler leaves them out.',
  specification: '',
};

export const bodyEnds: Field = {
  name: 'bodyEnds',
  label: bodyEndsLabel,
  size: 0,
  kind: 'heading',
  meaning: 'The structure ends here: it is older than the fields that would follow. iasl writes them all.',
  specification: '',
};
