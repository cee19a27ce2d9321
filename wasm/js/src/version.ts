/** The package's version. */

/** Version of this package, as in its `package.json`. The build fills it in. */
export const version: string = "0.0.0";
