/** Another transaction took or moved an address or id between our read and our write; repeating sees its row. */
export class KeyRaceError extends Error {
  override readonly name = 'KeyRaceError';
}
