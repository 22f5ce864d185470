// URLPattern, as its standard has it: the package urlpattern-polyfill.
import { URLPattern } from "urlpattern-polyfill/urlpattern";

export default ({ define }) => {
  define("URLPattern", URLPattern);
  return { URLPattern };
};
