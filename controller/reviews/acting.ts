/** Who does something with a review, as its record tells. */
export interface Acting {
  /** `shell`, or the person's id. */
  readonly actor: string;
  readonly trace: string;
  readonly because?: string;
  /** Network address, from a device. */
  readonly from?: string;
}
