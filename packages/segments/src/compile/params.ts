/** Bound parameters of a statement. Equal values share a parameter, so equal conditions read the same and are computed once. */

type Value = string | number | readonly string[] | readonly number[];

export class Params {
  readonly #values: Record<string, unknown> = {};
  readonly #names = new Map<string, string>();

  /** The placeholder of a value, `{p7:String}`. */
  add(type: string, value: Value): string {
    const key = `${type}|${JSON.stringify(value)}`;
    let name = this.#names.get(key);
    if (name === undefined) {
      name = `p${this.#names.size}`;
      this.#names.set(key, name);
      this.#values[name] = value;
    }
    return `{${name}:${type}}`;
  }

  text(value: string): string {
    return this.add('String', value);
  }

  texts(values: readonly string[]): string {
    return this.add('Array(String)', values);
  }

  numbers(values: readonly number[]): string {
    return this.add('Array(Float64)', values);
  }

  /** Milliseconds since the epoch. */
  ms(value: number): string {
    return this.add('Int64', value);
  }

  /** For the client's `query_params`. */
  get values(): Record<string, unknown> {
    return this.#values;
  }
}
